-- Policies as the database this one grew from had specified them, word for word.
--
-- Nothing is moved: a superuser may create the helpers in schema auth. Each fence of
-- the text follows the one before; none of them enables row level security.

-- High-performance user profile policy with function wrapping
CREATE OR REPLACE FUNCTION auth.current_user_id() 
RETURNS UUID 
LANGUAGE SQL 
SECURITY DEFINER 
SET search_path = auth, pg_temp
AS $$
    SELECT (SELECT id FROM auth.users WHERE id = auth.uid());
$$;

-- User profiles: Users can read/update their own profile
CREATE POLICY "Users can manage own profile" 
ON public.user_profiles
FOR ALL 
TO authenticated
USING (id = auth.current_user_id());

-- Admin access to all profiles with explicit role check
CREATE POLICY "Admins can manage all profiles"
ON public.user_profiles
FOR ALL
TO authenticated
USING (
    EXISTS (
        SELECT 1 FROM public.user_profiles up
        WHERE up.id = auth.current_user_id()
        AND up.role IN ('super_admin', 'admin')
    )
);

-- Performance optimization index
CREATE INDEX idx_user_profiles_rls_admin 
ON user_profiles (id) 
WHERE role IN ('super_admin', 'admin');

-- Function for current user organization (cached)
CREATE OR REPLACE FUNCTION auth.current_user_org() 
RETURNS UUID 
LANGUAGE SQL 
SECURITY DEFINER 
SET search_path = public, auth, pg_temp
AS $$
    SELECT organization_id 
    FROM user_profiles 
    WHERE id = auth.current_user_id();
$$;

-- Content items: Organization-scoped access
CREATE POLICY "Organization content access"
ON public.content_items
FOR SELECT
TO authenticated
USING (
    organization_id = auth.current_user_org()
    OR created_by = auth.current_user_id()
    OR EXISTS (
        SELECT 1 FROM content_assignments ca
        WHERE ca.content_item_id = id
        AND ca.user_id = auth.current_user_id()
        AND ca.is_active = true
        AND (ca.expires_at IS NULL OR ca.expires_at > NOW())
    )
);

-- Content creation: Users can create within their organization
CREATE POLICY "Organization content creation"
ON public.content_items
FOR INSERT
TO authenticated
WITH CHECK (
    created_by = auth.current_user_id()
    AND organization_id = auth.current_user_org()
);

-- Performance indexes for RLS
CREATE INDEX idx_content_items_rls_org 
ON content_items (organization_id, created_by);

CREATE INDEX idx_content_assignments_rls 
ON content_assignments (content_item_id, user_id, is_active, expires_at);

-- Conversations: Users can only access their own conversations
CREATE POLICY "User conversation access"
ON public.conversations
FOR ALL
TO authenticated
USING (user_id = auth.current_user_id());

-- Conversation messages: Inherited from conversation access
CREATE POLICY "User message access"
ON public.conversation_messages
FOR ALL
TO authenticated
USING (
    EXISTS (
        SELECT 1 FROM conversations c
        WHERE c.id = conversation_id
        AND c.user_id = auth.current_user_id()
    )
);

-- Performance optimization for message queries
CREATE INDEX idx_conv_messages_rls 
ON conversation_messages (conversation_id, created_at DESC);

-- Security definer function for admin checks (avoids repeated queries)
CREATE OR REPLACE FUNCTION auth.is_super_admin() 
RETURNS BOOLEAN 
LANGUAGE SQL 
SECURITY DEFINER 
SET search_path = public, auth, pg_temp
AS $$
    SELECT EXISTS (
        SELECT 1 FROM user_profiles 
        WHERE id = auth.current_user_id() 
        AND role = 'super_admin'
    );
$$;

-- Super admin override for all content
CREATE POLICY "Super admin content override"
ON public.content_items
FOR ALL
TO authenticated
USING (auth.is_super_admin());

-- Similar policies for all major tables
CREATE POLICY "Super admin conversation override"
ON public.conversations
FOR ALL
TO authenticated
USING (auth.is_super_admin());

-- Composite indexes optimized for RLS policy patterns
CREATE INDEX CONCURRENTLY idx_user_profiles_auth_lookup
ON user_profiles (id, role, organization_id, is_active);

CREATE INDEX CONCURRENTLY idx_content_items_rls_composite
ON content_items (organization_id, created_by, status, published_at);

CREATE INDEX CONCURRENTLY idx_conversations_user_status
ON conversations (user_id, status, last_message_at DESC);

-- Partial indexes for active records only
CREATE INDEX CONCURRENTLY idx_assignments_active_lookup
ON content_assignments (user_id, is_active, expires_at) 
WHERE is_active = true;

-- Enable query plan caching for RLS functions
ALTER FUNCTION auth.current_user_id() SET plan_cache_mode = 'force_generic_plan';
ALTER FUNCTION auth.current_user_org() SET plan_cache_mode = 'force_generic_plan';
ALTER FUNCTION auth.is_super_admin() SET plan_cache_mode = 'force_generic_plan';

-- Connection-level settings for RLS performance
-- These should be set at the application connection level
SET row_security = on;
SET statement_timeout = '30s';
SET lock_timeout = '10s';

