import datetime
import importlib
import locale
import multiprocessing
import pkgutil
import sys
import zoneinfo

LEFT = {"antigravity", "this", "idlelib", "tkinter", "turtle", "turtledemo", "lib2to3", "ensurepip", "pydoc_data", "test", "nis", "_tkinter", "xxlimited", "xxlimited_35", "xxsubtype", "msilib", "winreg", "winsound", "msvcrt", "__main__"}


def square(n):
    return n * n


if __name__ == "__main__":
    failed = []
    for name in sorted(sys.stdlib_module_names):
        if name in LEFT or name.startswith(("_win", "_msi", "_test", "_xx", "_ctypes_test", "_osx", "_aix", "_scproxy", "_overlapped", "nt", "_bootlocale", "_pydecimal")):
            continue
        try:
            importlib.import_module(name)
        except ImportError as e:
            failed.append(f"{name}: {e}")
    print("\n".join(failed) or "all modules")
    print(open("héllo.txt").read().strip())
    with multiprocessing.Pool(2) as pool:
        print(pool.map(square, [1, 2, 3]))
    print(datetime.datetime(2024, 1, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")).tzname())
    locale.setlocale(locale.LC_ALL, "")
