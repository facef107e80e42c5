-- Columns whose names suggest secrets are open to the API.
-- @splinter 0023_sensitive_columns_exposed
-- @severity critical
-- @category security
-- @scope database
-- @lane side
-- @lock AccessExclusiveLock
-- @risk Roles for which no policy applies see nothing afterwards: create the policies first.
-- Ramification: the table has no row level security, its schema is exposed, and a role of
-- the API may select the columns. Going by their names they hold passwords, tokens,
-- numbers of accounts, papers or cards, or facts about health: whoever can send a request
-- can read all of them.
-- Cure: revoke SELECT on the columns, or move them to a table in a schema that is not
-- exposed; enable row level security with policies for what must stay. The names are a
-- guess: mute the finding where the columns are harmless.
with
columns as materialized (
    select
        c.oid as relation,
        a.attnum,
        a.attname
    from pg_catalog.pg_class as c
    inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    inner join pg_catalog.pg_attribute as a on a.attrelid = c.oid
    inner join pg_catalog.pg_type as t on t.oid = a.atttypid
    where c.relkind in ('r', 'p')
        and not c.relrowsecurity
        and n.nspname = any (:'exposed_schemas'::text[])
        and a.attnum > 0
        and not a.attisdropped
        -- Whether and when there was a secret is none: booleans, dates and times.
        and t.typcategory not in ('B', 'D', 'T')
),
-- Many tables share few names, and each is looked at once.
spellings as materialized (
    select distinct c.attname
    from columns as c
),
-- As words, apiKey and api-key are api_key. The secret is the last word, or how it is kept
-- is: token_count and password_policy are neither.
names as materialized (
    select
        d.attname
    from spellings as d
    where pg_catalog.lower(
        pg_catalog.regexp_replace(
            pg_catalog.replace(d.attname::text, '-', '_'),
            '([a-z0-9])([A-Z])',
            '\1_\2',
            'g'
        )
    ) ~ (
        '(^|_)('
        || 'password|passwd|passphrase|pwd|secret|secret_key|private_key|api_?key|ssh_key|pgp_key'
        || '|token|jwt|auth_code|otp|pin_code|recovery_codes?'
        || '|ssn|social_security|driver_?s?_license|passport|national_id|tax_id'
        || '|credit_card|card_number|cvv|cvc|bank_account|account_number|routing_number|iban|swift_code'
        || '|health_record|medical_record|patient_id|insurance_number|diagnosis'
        || '|mac_address|imei|device_uuid|certificate'
        || '|fingerprint|biometrics?|facial_recognition'
        || ')(_(hash|hashed|digest|salt|encrypted|enc|plain|plaintext|text|value|number|no))?$'
    )
)
select
    'table' as object_type,
    n.nspname::text as schemaname,
    c.relname::text as name,
    pg_catalog.format(
        'table %I.%I has no row level security and lets %s read %s',
        n.nspname,
        c.relname,
        pg_catalog.string_agg(distinct pg_catalog.quote_ident(r.rolname), ' and '),
        pg_catalog.string_agg(distinct pg_catalog.quote_ident(s.attname), ', ')
    ) as detail,
    pg_catalog.format('alter table %I.%I enable row level security;', n.nspname, c.relname) as remedy,
    pg_catalog.format('alter table %I.%I disable row level security;', n.nspname, c.relname) as undo
from names as m
inner join columns as s on s.attname = m.attname
inner join pg_catalog.pg_class as c on c.oid = s.relation
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
inner join pg_catalog.pg_roles as r
    on r.rolname = any (:'api_roles'::text[])
    and pg_catalog.has_schema_privilege(r.oid, n.oid, 'usage')
    and pg_catalog.has_column_privilege(r.oid, s.relation, s.attnum, 'select')
group by
    n.nspname,
    c.relname
order by
    n.nspname,
    c.relname
