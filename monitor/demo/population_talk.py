"""Statements that generate conversations and their messages, batch by batch.

Numbers and seed mean the same as in `population_statements`.
"""

from __future__ import annotations

from typing import LiteralString

MESSAGES_A_CONVERSATION = 20

# A tenth of all conversations belongs to one user in a hundred.
CONVERSATIONS: LiteralString = """
insert into public.conversations (
    id,
    user_id,
    ai_agent_id,
    title,
    status,
    started_at,
    created_date,
    ended_at,
    last_message_at,
    message_count,
    last_sequence,
    total_tokens,
    estimated_cost
)
select
    c.id,
    pg_catalog.md5(
        'user/' || %(seed)s || '/' || case
            when n %% 10 = 0
                then 1 + (n::bigint * 31) %% greatest(%(profiles)s / 100, 1)
            else 1 + (n::bigint * 7919) %% %(profiles)s
        end
    )::uuid,
    pg_catalog.md5(
        'item/' || %(seed)s || '/' || 5 * (1 + (n::bigint * 17) %% (%(items)s / 5))
    )::uuid,
    'Conversation ' || n,
    c.status,
    c.started_at,
    (c.started_at at time zone 'UTC')::date,
    case
        when c.status in ('completed', 'archived')
            then c.started_at + interval '15 minutes'
    end,
    coalesce(m.last_message_at, c.started_at),
    m.messages,
    m.messages,
    m.tokens,
    m.cents / 100.0
from pg_catalog.generate_series(%(first)s::integer, %(last)s::integer) as n
cross join lateral (
    select
        pg_catalog.md5('conversation/' || %(seed)s || '/' || n)::uuid as id,
        %(until)s::timestamptz - interval '1 hour'
        - interval '27 days' * ((n::bigint * 104729) %% 1000003) / 1000003
        as started_at,
        case (n / 10) %% 10
            when 0 then 'archived'
            when 1 then 'completed'
            when 2 then 'paused'
            else 'active'
        end::public.conversation_status as status
) as c
-- Where triggers fire there are none yet, and they count.
cross join lateral (
    select
        pg_catalog.count(*)::integer as messages,
        coalesce(pg_catalog.sum(g.tokens_used), 0)::integer as tokens,
        coalesce(pg_catalog.sum(g.cost_cents), 0) as cents,
        pg_catalog.max(g.created_at) as last_message_at
    from public.conversation_messages as g
    where g.conversation_id = c.id
) as m
"""

MESSAGES: LiteralString = """
insert into public.conversation_messages (
    id,
    conversation_id,
    role,
    content,
    tokens_used,
    processing_time_ms,
    model_used,
    cost_cents,
    sequence_number,
    created_at,
    created_date
)
select
    pg_catalog.md5('message/' || %(seed)s || '/' || n || '/' || number)::uuid,
    pg_catalog.md5('conversation/' || %(seed)s || '/' || n)::uuid,
    case when g.is_answer then 'assistant' else 'user' end::public.message_role,
    pg_catalog.repeat(
        case when g.is_answer then 'an answer ' else 'a question ' end,
        1 + (n + number) %% 30
    ),
    case when g.is_answer then 50 + (n + number) %% 900 end,
    case when g.is_answer then 200 + (n * 13 + number) %% 2500 end,
    case when g.is_answer then 'model-' || n %% 3 end,
    case when g.is_answer then (n + number) %% 4 end,
    number,
    g.moment,
    (g.moment at time zone 'UTC')::date
from pg_catalog.generate_series(%(first)s::integer, %(last)s::integer) as n
cross join
    pg_catalog.generate_series(1, %(messages_a_conversation)s) as number
cross join lateral (
    select
        number %% 2 = 0 as is_answer,
        %(until)s::timestamptz - interval '1 hour'
        - interval '27 days' * ((n::bigint * 104729) %% 1000003) / 1000003
        + number * interval '40 seconds' as moment
) as g
where (n - 1)::bigint * %(messages_a_conversation)s + number <= %(messages)s
order by
    n,
    number
"""
