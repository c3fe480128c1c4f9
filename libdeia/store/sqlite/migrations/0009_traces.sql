-- traces: the traceparent of who sent a message. That of a task is in its spec.
ALTER TABLE messages ADD COLUMN traceparent TEXT NOT NULL DEFAULT '';
