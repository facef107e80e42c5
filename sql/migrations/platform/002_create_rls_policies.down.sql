-- Migration: 002_create_rls_policies
-- Takes back policies, guards and their helpers. Row level security stays enabled,
-- revoked privileges, default privileges and time limits stay as they are: without
-- policies the tables are closed to API roles, not open.

drop function public.user_dashboard();
drop function public.list_content(text, integer, text);
drop function app_private.published_content_page(text, integer, timestamptz, uuid);
drop function app_private.full_name_of(uuid);

drop trigger a_guard on public.conversation_messages;
drop trigger a_guard on public.conversations;
drop trigger a_guard on public.content_assignments;
drop trigger a_guard on public.content_items;
drop trigger a_guard on public.user_profiles;

drop function app_private.guard_conversation_messages();
drop function app_private.guard_conversations();
drop function app_private.guard_content_assignments();
drop function app_private.guard_content_items();
drop function app_private.guard_user_profiles();

drop policy conversation_messages_insert on public.conversation_messages;
drop policy conversation_messages_select on public.conversation_messages;
drop policy conversations_delete on public.conversations;
drop policy conversations_update on public.conversations;
drop policy conversations_insert on public.conversations;
drop policy conversations_select on public.conversations;
drop policy content_assignments_delete on public.content_assignments;
drop policy content_assignments_update on public.content_assignments;
drop policy content_assignments_insert on public.content_assignments;
drop policy content_assignments_select on public.content_assignments;
drop policy content_versions_select on public.content_versions;
drop policy content_items_delete on public.content_items;
drop policy content_items_update on public.content_items;
drop policy content_items_insert on public.content_items;
drop policy content_items_select on public.content_items;
drop policy content_repositories_delete on public.content_repositories;
drop policy content_repositories_update on public.content_repositories;
drop policy content_repositories_insert on public.content_repositories;
drop policy content_repositories_select on public.content_repositories;
drop policy admin_permissions_delete on public.admin_permissions;
drop policy admin_permissions_update on public.admin_permissions;
drop policy admin_permissions_insert on public.admin_permissions;
drop policy admin_permissions_select on public.admin_permissions;
drop policy user_profiles_delete on public.user_profiles;
drop policy user_profiles_update on public.user_profiles;
drop policy user_profiles_insert on public.user_profiles;
drop policy user_profiles_select on public.user_profiles;
drop policy organizations_delete on public.organizations;
drop policy organizations_update on public.organizations;
drop policy organizations_insert on public.organizations;
drop policy organizations_select on public.organizations;

drop function app_private.managed_content_ids();
drop function app_private.created_content_ids();
drop function app_private.assigned_content_ids(public.access_level);
drop function app_private.visible_organizations();
drop function app_private.permitted_colleagues(text, text);
drop function app_private.permitted_organization(text, text);
drop function app_private.highest_visible_user();
drop function app_private.lowest_visible_user();
drop function app_private.highest_id(boolean, uuid);
drop function app_private.lowest_id(boolean, uuid);
drop function app_private.has_permission(text, text, text);
drop function app_private.is_super_admin();
drop function app_private.is_admin();
drop function app_private.current_user_org();
drop function app_private.current_user_role();
drop function app_private.current_user_id();
