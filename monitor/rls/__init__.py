"""What is known of row level security: whom it binds, what it reads, what it costs."""
