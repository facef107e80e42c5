-- Migration: 003_create_performance_indexes
-- Takes it back: what was fast becomes slow, nothing is lost.
-- no-transaction

drop function if exists monitoring.partition_index_steps(regclass);

drop index concurrently if exists public.idx_conversations_analytics;
drop index concurrently if exists public.idx_conversations_user_recent;
drop index concurrently if exists public.idx_conversations_user_status;
drop index concurrently if exists public.idx_conversations_status;
drop index concurrently if exists public.idx_conversations_agent;
drop index concurrently if exists public.idx_assignments_assigned_by;
drop index concurrently if exists public.idx_assignment_analytics;
drop index concurrently if exists public.idx_assignments_active_lookup;
drop index concurrently if exists public.idx_content_assignments_rls;
drop index concurrently if exists public.idx_assignments_expires;
drop index concurrently if exists public.idx_assignments_active;
drop index concurrently if exists public.idx_assignments_user;
drop index concurrently if exists public.idx_content_versions_creator;
drop index concurrently if exists public.idx_content_items_org_updated;
drop index concurrently if exists public.idx_content_analytics;
drop index concurrently if exists public.idx_content_items_creator_date;
drop index concurrently if exists public.idx_content_items_rls_composite;
drop index concurrently if exists public.idx_content_items_published;
drop index concurrently if exists public.idx_content_items_published_at;
drop index concurrently if exists public.idx_content_items_search;
drop index concurrently if exists public.idx_content_items_status;
drop index concurrently if exists public.idx_content_items_repo;
drop index concurrently if exists public.idx_content_repos_active;
drop index concurrently if exists public.idx_content_repos_type;
drop index concurrently if exists public.idx_admin_perms_granted_by;
drop index concurrently if exists public.idx_admin_perms_resource;
drop index concurrently if exists public.idx_user_profiles_org_role;
drop index concurrently if exists public.idx_user_profiles_email_active;
drop index concurrently if exists public.idx_user_profiles_auth_lookup;
drop index concurrently if exists public.idx_user_profiles_rls_admin;
drop index concurrently if exists public.idx_user_profiles_active;
drop index concurrently if exists public.idx_user_profiles_role;
drop index concurrently if exists public.idx_orgs_path;
drop index concurrently if exists public.idx_orgs_status;
drop index concurrently if exists public.idx_orgs_parent;
