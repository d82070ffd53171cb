"""`make golden`: write the expected files anew. A second run changes nothing."""

from __future__ import annotations

from tests.golden.scenarios import GOLDEN, SCENARIOS, expected_files, recorded_files


def main() -> None:
    for scenario in SCENARIOS:
        folder = GOLDEN / scenario / "expected"
        recorded, files = recorded_files(scenario), expected_files(scenario)
        for name in recorded.keys() - files.keys():
            (folder / name).unlink()
            print(f"removed {scenario}/expected/{name}")
        for name, text in files.items():
            if recorded.get(name) != text:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(text)
                print(f"wrote {scenario}/expected/{name}")


if __name__ == "__main__":
    main()
