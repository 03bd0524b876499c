CREATE TABLE account (
    id            text COLLATE "C" PRIMARY KEY,
    email         text COLLATE "C" NOT NULL UNIQUE,
    name          text,
    password_hash text NOT NULL,
    created_at    bigint NOT NULL
);

-- Sign-ins.
CREATE TABLE session (
    id         uuid PRIMARY KEY,
    user_id    text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL
);

CREATE INDEX session_owner ON session (user_id);
CREATE INDEX session_age ON session (expires_at);

-- API tokens; `hash` is the SHA-256 of the secret, `scopes` a JSON array.
CREATE TABLE api_token (
    id           uuid PRIMARY KEY,
    user_id      text COLLATE "C" NOT NULL,
    name         text NOT NULL,
    scopes       text NOT NULL,
    hash         bytea NOT NULL UNIQUE,
    created_at   bigint NOT NULL,
    expires_at   bigint,
    last_used_at bigint
);

CREATE INDEX api_token_user ON api_token (user_id);

-- The key that signs the tokens of sign-ins, the same for all hosts: the first that was offered.
CREATE TABLE signing_key (
    id  bigint PRIMARY KEY CHECK (id = 1),
    key bytea NOT NULL
);

-- Users whose rows are being removed. What a crash interrupts, the next sweep finishes.
CREATE TABLE departed (user_id text COLLATE "C" PRIMARY KEY);

-- The forgetful memory.
CREATE TABLE memory (
    key        text COLLATE "C" PRIMARY KEY,
    value      bytea NOT NULL,
    expires_at bigint NOT NULL
);

CREATE INDEX memory_age ON memory (expires_at);
