-- Migration: 001_create_enterprise_schema
-- Takes it back: all tables of the application with their rows.

drop table public.conversation_messages;
drop table public.conversations;
drop table public.content_assignments;
drop table public.content_versions;
drop table public.content_items;
drop table public.content_repositories;
drop table public.admin_permissions;
drop table public.user_profiles;
drop table public.organizations;
drop table monitoring.operations_log;

drop function app_private.create_partition(regclass, date);
drop function app_private.create_default_partition(regclass);
drop function app_private.close_partition(text);

drop schema app_partitions;
drop schema app_private;

drop type public.access_level;
drop type public.assignment_type;
drop type public.org_status;
drop type public.message_role;
drop type public.conversation_status;
drop type public.content_status;
drop type public.content_type;
drop type public.user_role;
