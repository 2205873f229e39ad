-- Hints that named what is not there, or what does not help.
update likeness.alert_rules
   set hint = 'select * from likeness.webhook_status; likeness webhook retry.'
 where rule = 'webhooks' and hint = 'select * from likeness.webhook_status; likeness webhooks retry.';
update likeness.failure_reasons
   set hint = 'Add it to suppliers.formats if it is tiff, bmp or heic; else ask the supplier for JPEG or PNG.'
 where code = 'unsupported-format';
update likeness.failure_reasons
   set hint = 'Correct the feed. A server that sends its visitors round to set a cookie is not understood: none is kept.'
 where code = 'too-many-redirects';
