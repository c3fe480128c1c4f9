-- health: alerts that each node keeps, and rules that were put.
CREATE TABLE alerts (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  node TEXT COLLATE "C" NOT NULL,
  state BIGINT NOT NULL,
  fired BIGINT NOT NULL,
  data TEXT COLLATE "C" NOT NULL
);

CREATE TABLE health_settings (
  name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  data TEXT COLLATE "C" NOT NULL,
  updated BIGINT NOT NULL,
  updated_by TEXT COLLATE "C" NOT NULL
);
