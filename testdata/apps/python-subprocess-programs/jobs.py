import os
import subprocess
from subprocess import check_output as output

print(output(["jq", "--version"], text=True))
subprocess.run(["jq", "-c", ".x"], input='{"x":"a"}', text=True, check=True)
os.system("printf 'a\\nb\\nc\\n' | wc -l")
