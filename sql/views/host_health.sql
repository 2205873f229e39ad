create or replace view likeness.host_health as
select h.host,
       case when h.paused then 'paused' when h.blocked_until > likeness.clock() then 'blocked'
            when h.parked_for = 'limit' then 'at its limit' when h.parked_for = 'empty' then 'idle'
            when h.ready_at > likeness.clock() then 'between calls' else 'ready' end as status,
       (select count(*) from likeness.images f where f.host_id = h.id and f.claimed_by is not null) as in_flight,
       h.max_in_flight, h.min_interval, h.fetches, h.faults, h.consecutive_faults, round(h.latency_ms::numeric, 1) as latency_ms,
       pg_size_pretty(h.bytes) as fetched, h.blocked_until, h.last_fetch_at, h.last_fault_at, s.name as limits_of, h.blocked_reason
  from likeness.hosts h
  left join likeness.suppliers s on s.id = h.limits_of
 order by h.paused or h.blocked_until is not null desc, h.fetches desc;
comment on view likeness.host_health is 'How each host is doing, and whether it may be called.';
comment on column likeness.host_health.host is 'The host.';
comment on column likeness.host_health.status is 'ready, idle, at its limit, between calls, blocked or paused.';
comment on column likeness.host_health.in_flight is 'Pictures in hand now, over all workers.';
comment on column likeness.host_health.max_in_flight is 'Most pictures in hand.';
comment on column likeness.host_health.min_interval is 'Least time between two claims.';
comment on column likeness.host_health.fetches is 'Calls so far.';
comment on column likeness.host_health.faults is 'Calls that were a fault of the host.';
comment on column likeness.host_health.consecutive_faults is 'Faults since its last answer.';
comment on column likeness.host_health.latency_ms is 'Moving average of one fetch.';
comment on column likeness.host_health.fetched is 'Bytes so far.';
comment on column likeness.host_health.blocked_until is 'Not called before this.';
comment on column likeness.host_health.last_fetch_at is 'When it last answered.';
comment on column likeness.host_health.last_fault_at is 'When it last failed.';
comment on column likeness.host_health.limits_of is 'Supplier whose limits these are; null: its own, by set_host_limits().';
comment on column likeness.host_health.blocked_reason is 'Why it is blocked.';
