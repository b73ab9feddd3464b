# SPDX-License-Identifier: MIT
-- What sqlite3 does in scripts/bench; @ROWS@ stands for the size of the work.
CREATE TABLE sale (id INTEGER PRIMARY KEY, shop TEXT, note TEXT, cents INTEGER);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < @ROWS@)
INSERT INTO sale
SELECT i, 'shop ' || (i * 7919 % 997), printf('%d of %s', i, hex(i * 31)), i * 31 % 10007
FROM n;
CREATE INDEX sale_by_shop ON sale (shop, cents);
CREATE INDEX sale_by_note ON sale (note);
SELECT shop, count(*), sum(cents), group_concat(DISTINCT cents % 7)
FROM sale GROUP BY shop ORDER BY 3 DESC, shop LIMIT 5;
SELECT count(*) FROM sale AS a JOIN sale AS b ON b.note = printf('%d of %s', a.id, hex(a.id * 31))
WHERE replace(upper(a.shop), 'SHOP', 'store') LIKE 'store 1%';
UPDATE sale SET note = lower(note) || '!' WHERE id % 3 = 0;
SELECT sum(length(json_extract(json_object('shop', shop, 'note', note), '$.note'))) FROM sale;
DELETE FROM sale WHERE id % 5 = 0;
SELECT count(*), min(note), max(note) FROM sale;
