-- The index of inboxes has the phase first: what is open stands together on few
-- pages, whatever the inbox, and those are what changes.
DROP INDEX messages_by_inbox;
CREATE INDEX messages_by_inbox ON messages (phase, recipient, priority, id);
