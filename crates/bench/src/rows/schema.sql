CREATE TABLE reactions (
  post_id text NOT NULL,
  user_id text NOT NULL,
  kind    text NOT NULL,
  PRIMARY KEY (post_id, user_id)
);

CREATE TABLE post_counts (
  post_id text   NOT NULL,
  kind    text   NOT NULL,
  count   bigint NOT NULL,
  PRIMARY KEY (post_id, kind)
);

CREATE FUNCTION keep_counts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.kind = OLD.kind THEN
    RETURN NULL;
  END IF;
  IF TG_OP <> 'INSERT' THEN
    UPDATE post_counts SET count = count - 1
    WHERE post_id = OLD.post_id AND kind = OLD.kind;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO post_counts AS held VALUES (NEW.post_id, NEW.kind, 1)
    ON CONFLICT (post_id, kind) DO UPDATE SET count = held.count + 1;
  END IF;
  RETURN NULL;
END
$$;

CREATE TRIGGER keep_counts AFTER INSERT OR UPDATE OR DELETE ON reactions
FOR EACH ROW EXECUTE FUNCTION keep_counts();
