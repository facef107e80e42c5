-- Migration: 000_auth_shim
-- Takes it back: the users are lost. The roles stay, other databases may use them.

drop function auth.role();
drop function auth.uid();
drop function auth.jwt();
drop table auth.users;
drop schema auth;
