-- Whether an attempt holds its lease at this epoch; if so it goes on holding it until the transaction ends. By the rights of the tables'
-- owner: whoever writes under a lease (the gateway, docs/adr/0051-state-stores.md) needs to lock its row, and none to change it.
CREATE FUNCTION holds_attempt_lease(attempt text, at_epoch bigint) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
  PERFORM FROM public.attempt_leases WHERE attempt_id = attempt AND epoch = at_epoch FOR KEY SHARE;
  RETURN FOUND;
END $$;
