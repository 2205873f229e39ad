-- The command that the alert of the webhooks names, as it is spelt.
update likeness.alert_rules
   set hint = 'select * from likeness.webhook_status; likeness webhook retry.'
 where rule = 'webhooks' and hint = 'select * from likeness.webhook_status; likeness webhooks retry.';
