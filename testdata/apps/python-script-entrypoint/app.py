import os
import sys

print("mode", os.environ["MODE"])
print("argument", *sys.argv[1:])
