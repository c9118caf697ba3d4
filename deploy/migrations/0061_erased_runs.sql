-- Runs that were erased and of which something is still kept: what remains to be deleted is found again after a crash.
CREATE INDEX events_erased ON events (stream_id) WHERE type = 'RunErased';
