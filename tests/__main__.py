"""Every check, in order, up to the first that fails: `python -m tests`; `fast` leaves out tests."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PYTHON = sys.executable
LINT_IMPORTS = str(Path(PYTHON).with_name("lint-imports"))

FAST = {
    "format": [PYTHON, "-m", "ruff", "format", "--check", "."],
    "lint": [PYTHON, "-m", "ruff", "check", "."],
    "types": [PYTHON, "-m", "mypy"],
    "imports": [LINT_IMPORTS, "--no-logo"],
}
SLOW = {
    "tests": [PYTHON, "-m", "pytest", "-n", "auto", "--cov", "--cov-report="],
    "the books are tested whole": [
        *[PYTHON, "-m", "coverage", "report", "--include=quota/*", "--fail-under=100"],
    ],
}


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["fast"]):
        print("usage: python -m tests [fast]", file=sys.stderr)
        return 2
    checks = FAST if arguments else FAST | SLOW
    for name, command in checks.items():
        print(f"== {name}", flush=True)
        ended = subprocess.run(command, cwd=ROOT, check=False)
        if ended.returncode:
            print(f"== {name} failed", flush=True)
            return ended.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
