-- Ids compare by bytes (COLLATE "C"), as in SQLite, whatever the locale of the database.
-- Times are milliseconds since 1970-01-01T00:00:00Z, ids are UUIDv7 in text, truth is 0 or 1.
-- What can be derived (status, staleness, phases, who replaced a key) is not stored.

CREATE TABLE facts (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE organization (
    -- One server serves one organization: the second row finds the place taken.
    singleton BIGINT NOT NULL PRIMARY KEY CHECK (singleton = 1),
    id TEXT COLLATE "C" NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE members (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    email TEXT NOT NULL,
    email_folded TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('admin', 'normal', 'operator')),
    created_at BIGINT NOT NULL,
    activated_at BIGINT,
    removed_at BIGINT,
    changed_at BIGINT NOT NULL
);
-- A removed address may be invited again, as a new member.
CREATE UNIQUE INDEX members_email ON members (email_folded) WHERE removed_at IS NULL;
CREATE INDEX members_changed ON members (changed_at);

CREATE TABLE sign_in_codes (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    member_id TEXT COLLATE "C" NOT NULL REFERENCES members (id),
    digest BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    redeemed_at BIGINT,
    ended_at BIGINT
);
CREATE UNIQUE INDEX sign_in_codes_digest ON sign_in_codes (digest);
CREATE INDEX sign_in_codes_member ON sign_in_codes (member_id);

CREATE TABLE sessions (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    member_id TEXT COLLATE "C" NOT NULL REFERENCES members (id),
    digest BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    ended_at BIGINT,
    agent TEXT NOT NULL,
    address TEXT NOT NULL
);
CREATE UNIQUE INDEX sessions_digest ON sessions (digest);
CREATE INDEX sessions_member ON sessions (member_id, id);

CREATE TABLE keys (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('personal', 'organization')),
    name TEXT NOT NULL,
    note TEXT,
    digest BYTEA NOT NULL,
    last_four TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT COLLATE "C" NOT NULL REFERENCES members (id),
    confirmed_at BIGINT,
    replaces TEXT COLLATE "C" REFERENCES keys (id),
    last_used_at BIGINT,
    last_used_agent TEXT,
    last_used_address TEXT,
    use_count BIGINT NOT NULL,
    revoked_at BIGINT,
    revoked_by TEXT COLLATE "C" REFERENCES members (id),
    revoke_reason TEXT,
    changed_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX keys_digest ON keys (digest);
CREATE INDEX keys_of_kind ON keys (kind, id);
CREATE INDEX keys_of_kind_live ON keys (kind, id) WHERE revoked_at IS NULL;
CREATE INDEX keys_of_creator ON keys (created_by, kind, id);
CREATE INDEX keys_of_creator_live ON keys (created_by, kind, id) WHERE revoked_at IS NULL;
CREATE INDEX keys_changed ON keys (changed_at);
CREATE INDEX keys_replacing ON keys (replaces) WHERE replaces IS NOT NULL;
-- A key has at most one live successor.
CREATE UNIQUE INDEX keys_live_successor ON keys (replaces) WHERE replaces IS NOT NULL AND revoked_at IS NULL;

-- What a request with an `Idempotency-Key` led to: the key or review with the id `subject_id`.
CREATE TABLE idempotency (
    member_id TEXT COLLATE "C" NOT NULL REFERENCES members (id),
    operation TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    fields BYTEA NOT NULL,
    subject_id TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (member_id, operation, idempotency_key)
);
CREATE INDEX idempotency_expiry ON idempotency (expires_at);

CREATE TABLE usage_hours (
    key_id TEXT COLLATE "C" NOT NULL REFERENCES keys (id),
    start BIGINT NOT NULL,
    count BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    PRIMARY KEY (key_id, start)
);
CREATE INDEX usage_hours_start ON usage_hours (start);

CREATE TABLE usage_days (
    key_id TEXT COLLATE "C" NOT NULL REFERENCES keys (id),
    start BIGINT NOT NULL,
    count BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    PRIMARY KEY (key_id, start)
);
CREATE INDEX usage_days_start ON usage_days (start);

CREATE TABLE key_clients (
    key_id TEXT COLLATE "C" NOT NULL REFERENCES keys (id),
    agent TEXT NOT NULL,
    address TEXT NOT NULL,
    first_seen_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (key_id, agent, address)
);

CREATE TABLE reviews (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    review_id TEXT COLLATE "C" NOT NULL,
    key_id TEXT COLLATE "C" NOT NULL REFERENCES keys (id),
    key_name TEXT NOT NULL,
    key_last_four TEXT NOT NULL,
    decision TEXT NOT NULL CHECK (decision IN ('keep', 'revoke', 'rotate', 'skip')),
    until BIGINT,
    note TEXT,
    reviewer_id TEXT COLLATE "C" NOT NULL REFERENCES members (id),
    reviewed_at BIGINT NOT NULL,
    findings TEXT NOT NULL,
    last_used_at BIGINT
);
CREATE INDEX reviews_sitting ON reviews (review_id, id);
CREATE INDEX reviews_key ON reviews (key_id, id);

CREATE TABLE activity (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    actor_id TEXT COLLATE "C" REFERENCES members (id),
    action TEXT NOT NULL,
    key_id TEXT COLLATE "C" REFERENCES keys (id),
    key_name TEXT,
    member_id TEXT COLLATE "C" REFERENCES members (id),
    detail TEXT NOT NULL,
    address TEXT
);
CREATE INDEX activity_key ON activity (key_id, id) WHERE key_id IS NOT NULL;
CREATE INDEX activity_actor ON activity (actor_id, id) WHERE actor_id IS NOT NULL;
CREATE INDEX activity_member ON activity (member_id, id) WHERE member_id IS NOT NULL;
CREATE INDEX activity_action ON activity (action, id);

CREATE TABLE sites (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    address TEXT
);

CREATE TABLE machines (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    genesis_date TEXT,
    site_id TEXT COLLATE "C" NOT NULL REFERENCES sites (id)
);

-- Nothing of these is ever deleted, and what is final is never changed.
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0];
END $$;

CREATE TRIGGER keys_are_kept BEFORE DELETE ON keys
FOR EACH ROW EXECUTE FUNCTION refuse('keys are never deleted');
CREATE TRIGGER keys_are_not_truncated BEFORE TRUNCATE ON keys
EXECUTE FUNCTION refuse('keys are never deleted');
CREATE TRIGGER members_are_kept BEFORE DELETE ON members
FOR EACH ROW EXECUTE FUNCTION refuse('members are never deleted');
CREATE TRIGGER members_are_not_truncated BEFORE TRUNCATE ON members
EXECUTE FUNCTION refuse('members are never deleted');
CREATE TRIGGER reviews_are_kept BEFORE DELETE ON reviews
FOR EACH ROW EXECUTE FUNCTION refuse('reviews are never deleted');
CREATE TRIGGER reviews_are_not_truncated BEFORE TRUNCATE ON reviews
EXECUTE FUNCTION refuse('reviews are never deleted');
CREATE TRIGGER activity_is_kept BEFORE DELETE ON activity
FOR EACH ROW EXECUTE FUNCTION refuse('activity is never deleted');
CREATE TRIGGER activity_is_not_truncated BEFORE TRUNCATE ON activity
EXECUTE FUNCTION refuse('activity is never deleted');

CREATE TRIGGER reviews_are_final BEFORE UPDATE ON reviews
FOR EACH ROW EXECUTE FUNCTION refuse('reviews are never changed');
CREATE TRIGGER activity_is_final BEFORE UPDATE ON activity
FOR EACH ROW EXECUTE FUNCTION refuse('activity is never changed');
CREATE TRIGGER revoked_keys_are_final BEFORE UPDATE ON keys
FOR EACH ROW WHEN (OLD.revoked_at IS NOT NULL) EXECUTE FUNCTION refuse('a revoked key is never changed');
CREATE TRIGGER removed_members_are_final BEFORE UPDATE ON members
FOR EACH ROW WHEN (OLD.removed_at IS NOT NULL) EXECUTE FUNCTION refuse('a removed member is never changed');
CREATE TRIGGER keys_keep_their_origin BEFORE UPDATE ON keys
FOR EACH ROW WHEN (NEW.id <> OLD.id OR NEW.kind <> OLD.kind OR NEW.created_by <> OLD.created_by
    OR NEW.created_at <> OLD.created_at OR NEW.last_used_at < OLD.last_used_at
    OR (NEW.last_used_at IS NULL AND OLD.last_used_at IS NOT NULL) OR NEW.use_count < OLD.use_count)
EXECUTE FUNCTION refuse('the origin of a key never changes, its use never goes back');
