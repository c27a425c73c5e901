-- An online shop, as it keeps its data in SQLite. Like most such databases it does not enforce its references.
PRAGMA foreign_keys = OFF;

CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL);
CREATE TABLE products (id INTEGER PRIMARY KEY, sku TEXT NOT NULL UNIQUE, title TEXT NOT NULL, price TEXT NOT NULL, stock INTEGER NOT NULL);
CREATE TABLE orders (
  id INTEGER PRIMARY KEY, number TEXT NOT NULL UNIQUE, customer_id INTEGER NOT NULL REFERENCES customers (id), status TEXT NOT NULL DEFAULT 'new'
);
CREATE TABLE order_lines (
  id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders (id), position INTEGER NOT NULL,
  product_id INTEGER NOT NULL REFERENCES products (id), quantity INTEGER NOT NULL, UNIQUE (order_id, position)
);
CREATE TABLE invoices (id INTEGER PRIMARY KEY, number TEXT NOT NULL UNIQUE, order_id INTEGER REFERENCES orders (id), total TEXT NOT NULL, paid INTEGER NOT NULL DEFAULT 0);

INSERT INTO customers (email, name) VALUES ('ada@mail.example', 'Ada Brandt'), ('ben@mail.example', 'Ben Okafor');
INSERT INTO products (sku, title, price, stock) VALUES ('LAMP', 'Desk lamp', '39.90', 20), ('CHAIR', 'Chair', '129.00', 8);
INSERT INTO orders (number, customer_id) VALUES ('W-1', 1);
INSERT INTO order_lines (order_id, position, product_id, quantity) VALUES (1, 1, 1, 2), (1, 2, 2, 1);
