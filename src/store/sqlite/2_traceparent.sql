-- The W3C trace context of the delivery that marked the issue.
ALTER TABLE queue ADD COLUMN traceparent TEXT;
