import psycopg2
import psycopg2.extensions

try:
    psycopg2.connect(user="shop", host="127.0.0.1", port=1, connect_timeout=2)
except psycopg2.OperationalError as e:
    print(psycopg2.extensions.libpq_version(), str(e).split(":")[0].split(" to ")[0])
