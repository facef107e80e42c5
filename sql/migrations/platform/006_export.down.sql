-- Migration: 006_export
-- Takes it back; nothing that was exported and no entry of the log is lost.

drop function public.export_organization_data(uuid, integer);
drop function app_private.export_size(uuid, timestamptz);
drop function app_private.log_export(uuid, text, jsonb);
drop function app_private.may_export(name);
drop view app_private.exported_messages;
drop view app_private.exported_conversations;
drop view app_private.exported_assignments;
drop view app_private.exported_versions;
drop view app_private.exported_content;
drop view app_private.exported_repositories;
drop view app_private.exported_permissions;
drop view app_private.exported_users;
