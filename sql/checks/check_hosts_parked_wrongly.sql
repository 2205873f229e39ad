create or replace view likeness.check_hosts_parked_wrongly as
select h.host, h.parked_for, 'select likeness.heal_hosts();' as hint
  from likeness.hosts h
 where h.ready_at is null
   and exists (select from likeness.images i where i.host_id = h.id and i.queued_at is not null and i.retry_at is null)
   and not exists (select from likeness.images f where f.host_id = h.id and f.claimed_by is not null);
comment on view likeness.check_hosts_parked_wrongly is 'Hosts that nobody will call though pictures wait for them.';
comment on column likeness.check_hosts_parked_wrongly.host is 'The host.';
comment on column likeness.check_hosts_parked_wrongly.parked_for is 'Why it is parked.';
comment on column likeness.check_hosts_parked_wrongly.hint is 'What to do.';
