-- What happens to assets and the queues of their consumers, in feed order: see docs/adr/0031-assets.md.
CREATE INDEX events_assets ON events (xid, pos) WHERE stream_id >= 'asset-' AND stream_id < 'asset.';
