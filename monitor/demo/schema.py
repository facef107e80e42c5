"""The demo's application: tables and policies as they grow when nobody looks.

Every flaw is one that pgvigil should find; the comments name them. Tables with
`autovacuum_enabled = off` stand for those that autovacuum cannot keep up with.
"""

from __future__ import annotations

from typing import LiteralString

DATABASE = "shop"

ROLES: LiteralString = """
    create role app_owner nologin;
    create role anon nologin;
    create role authenticated nologin;
    create role service_role nologin bypassrls;
    create role authenticator login noinherit;
    grant anon, authenticated, service_role to authenticator
"""

SCHEMAS: LiteralString = """
    create schema auth authorization app_owner;
    create schema app authorization app_owner;
    grant usage on schema auth, app to anon, authenticated, service_role;
    set role app_owner;

    create function auth.uid() returns uuid language sql stable as $$
        select (
            nullif(pg_catalog.current_setting('request.jwt.claims', true), '')::jsonb
            ->> 'sub'
        )::uuid
    $$
"""

TABLES: LiteralString = """
    set role app_owner;

    create table app.organizations (
        id bigint generated always as identity primary key,
        name text not null
    );
    create table app.profiles (
        id uuid primary key,
        organization_id bigint not null references app.organizations,
        email text not null unique,
        phone text
    );
    create table app.products (
        id bigint generated always as identity primary key,
        name text not null,
        price numeric(10, 2) not null
    );
    create table app.inventory (
        product_id bigint primary key references app.products,
        quantity integer not null
    );
    create table app.orders (
        id bigint generated always as identity primary key,
        user_id uuid not null,
        organization_id bigint not null references app.organizations,
        status text not null,
        total numeric(10, 2) not null,
        created_at timestamptz not null
    );
    create table app.order_items (
        order_id bigint not null references app.orders,
        product_id bigint not null references app.products,
        quantity integer not null,
        primary key (order_id, product_id)
    );
    create table app.documents (
        id bigint generated always as identity primary key,
        organization_id bigint not null references app.organizations,
        title text not null
    );
    create table app.sessions (
        id bigint generated always as identity primary key,
        user_id uuid not null,
        payload text not null
    ) with (autovacuum_enabled = off);
    create table app.events (
        id bigint generated always as identity primary key,
        kind text not null,
        at timestamptz not null
    ) with (autovacuum_enabled = off);
    create table app.tickets (
        id serial primary key,
        subject text not null
    )
"""

POLICIES: LiteralString = """
    set role app_owner;

    -- VOLATILE, the default nobody thinks of, and a query for each row.
    create function app.is_member(wanted bigint) returns boolean
    language plpgsql security definer set search_path = '' as $$
    begin
        return exists (
            select from app.profiles as p
            where p.id = auth.uid() and p.organization_id = wanted
        );
    end
    $$;

    alter table app.orders enable row level security;
    alter table app.documents enable row level security;
    alter table app.profiles enable row level security;

    -- auth.uid() runs for each row: it is not wrapped in a sub-select, and there is
    -- no index on user_id that could use it.
    create policy orders_own on app.orders
        for all to authenticated using (user_id = auth.uid());
    create policy documents_of_members on app.documents
        for select to authenticated using (app.is_member(organization_id));
    create policy profiles_own on app.profiles
        for all to authenticated using (id = (select auth.uid()));

    grant select on all tables in schema app to service_role;
    grant select on app.products to anon, authenticated;
    grant select, insert, update on app.orders to authenticated;
    grant select on app.documents to authenticated;
    grant select, update on app.profiles to authenticated;
    grant insert on app.tickets to authenticated;
    grant usage on all sequences in schema app to authenticated;
    grant update on app.inventory to service_role
"""

INDEXES: LiteralString = """
    set role app_owner;

    create index order_items_product_idx on app.order_items (product_id);
    -- Nobody asks for a total.
    create index orders_total_idx on app.orders (total);
    -- The same index twice, and both again as the prefix of a third.
    create index orders_created_idx on app.orders (created_at);
    create index orders_created_at_idx on app.orders (created_at);
    create index orders_created_status_idx on app.orders (created_at, status)
"""
