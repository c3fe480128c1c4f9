-- health: alerts that each node keeps, and rules that were put.
CREATE TABLE alerts (
  id TEXT NOT NULL PRIMARY KEY,
  node TEXT NOT NULL,
  state INTEGER NOT NULL,
  fired INTEGER NOT NULL,
  data TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE health_settings (
  name TEXT NOT NULL PRIMARY KEY,
  data TEXT NOT NULL,
  updated INTEGER NOT NULL,
  updated_by TEXT NOT NULL
) STRICT, WITHOUT ROWID;
