"""One role as a process of the supervisor: `python -m ceralacca.apps.serve_role NAME CONFIG READY LIFE`.

Not a command for people: `pec serve NAME` runs a role alone. Exit status 2 says that the settings are
refused and a new start would not help; 1 that a new start may.
"""

import sys
from pathlib import Path

from ceralacca.apps.duty import Duty
from ceralacca.apps.serve import run_role
from ceralacca.apps.settings.reading import read_settings
from ceralacca.base.errors import PecError, UserError

_REFUSED, _FAILED = 2, 1


def main(arguments: list[str]) -> int:
    """Run the role; return the exit status. A defect shows its traceback, and the role is started again."""
    name, config, ready, life = arguments
    try:
        run_role(name, read_settings(Path(config)), Duty(ready=int(ready), life=int(life)))
    except PecError as error:
        print(f"pec {name}: {error}", file=sys.stderr)  # noqa: T201 also where the diagnostics go to a file
        if error.remedy:
            print(f"     {error.remedy}", file=sys.stderr)  # noqa: T201
        return _REFUSED if isinstance(error, UserError) else _FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
