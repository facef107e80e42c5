-- Migration: 001_create_enterprise_schema
-- Takes it back: all tables of the application with their rows.

-- Returns rows of a table: it goes first.
drop function monitoring.expired_permissions();

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

-- Functions of triggers
drop function app_private.set_updated_at();
drop function app_private.check_user_timezone();
drop function app_private.check_user_limit();
drop function app_private.place_organization();
drop function app_private.move_suborganizations();
drop function app_private.keep_content_version();
drop function app_private.check_content_status();
drop function app_private.check_conversation_agent();
drop function app_private.set_conversation_end();
drop function app_private.count_message();
drop function app_private.uncount_messages();
drop function app_private.recount_message();
drop function app_private.refuse_message_move();
drop function public.check_content_assignment_integrity();
drop function app_private.is_assigner_in_scope(uuid, uuid, uuid);
drop function monitoring.reconcile_conversations();
drop function monitoring.archive_conversations(date);
drop function monitoring.expire_assignments();
drop function monitoring.storage_figures();
drop function monitoring.answer_figures();
drop function monitoring.assignment_figures();
drop function monitoring.conversation_figures();
drop function monitoring.reassign_user_content(uuid, uuid);
drop function public.apply_migration(text, text, text, text);
drop function public.rollback_migration(text);
drop function app_private.begin_migration(text);
drop function app_private.refuse_cascade(text, text);
drop function app_private.note_migration(text, text, text);
drop function app_private.migration_checksum(text);

-- Its trigger goes with it: that is dropped alone only by the owner of auth.users,
-- which an administrator who was allowed to create it need not be.
do $$
begin
    drop function app_private.sync_user_profile() cascade;
end
$$;

drop function app_private.drop_detached(regclass, date);
drop function app_private.attach_detached(regclass, date);
drop function app_private.detach_partition(regclass, date);
drop function app_private.remove_empty_partition(regclass, date);
drop procedure app_private.move_default_rows(regclass, date, date);
drop function app_private.default_months(regclass, date, date);
drop function app_private.create_partition(regclass, date);
drop function app_private.attach_partition(regclass, date);
drop function app_private.move_rows(regclass, date);
drop function app_private.prepare_partition(regclass, date);
drop function app_private.execute_patiently(text[]);
drop function app_private.partition_key(regclass);
drop function app_private.default_partition(regclass);
drop function app_private.partition_name(regclass, date);
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
