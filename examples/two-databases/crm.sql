-- The CRM, for SQLite: sqlite3 crm.db < crm.sql
PRAGMA journal_mode = WAL;

CREATE TABLE contacts (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,
  first_name   TEXT,
  last_name    TEXT NOT NULL,
  email        TEXT,
  phone        TEXT,
  stage        TEXT NOT NULL DEFAULT 'lead' CHECK (stage IN ('lead', 'customer', 'lapsed')),
  points       INTEGER NOT NULL DEFAULT 0,
  credit_limit TEXT,
  archived     INTEGER NOT NULL DEFAULT 0,
  lead_score   INTEGER
);

INSERT INTO contacts (id, first_name, last_name, email, phone, stage, points, lead_score) VALUES
  (1, 'Ada',   'Brandt', 'ada.brandt@mail.example', '+1 202 555 0101', 'customer', 20, 71),
  (2, 'Ben',   'Okafor', 'ben.okafor@mail.example', NULL,              'customer', 35, 64),
  (3, 'Chloe', 'Martin', 'Chloe.Martin@mail.example', '+1 202 555 0103', 'lead',    0, 12),
  (4, 'Dev',   'Patel',  'dev.patel@mail.example',  '+1 202 555 0104', 'customer', 12, 40),
  (5, 'Ewa',   'Nowak',  'ewa.nowak@mail.example',  '+1 202 555 0105', 'lead',      0, 9);
