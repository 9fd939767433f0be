"""Payments with fields of their own: a kind that matters, a word and a number that do not."""

import random
from pathlib import Path

HEAD = "TX,When,Client,Shop,Euro,Kind,Noise,Age,Fraud"


def write_shops(path: Path) -> Path:
    """Sixty days in which frauds have usual amounts, and most are of one kind."""
    chance, rows = random.Random(5), []
    for n in range(1500):
        fraud = chance.random() < 0.06
        kind = "k9" if chance.random() < (0.7 if fraud else 0.04) else f"k{chance.randrange(6)}"
        cells = [
            *(f"x{n}", f"2024-{1 + n // 750:02}-{1 + n % 750 // 27:02} 10:{n % 750 % 27:02}:00"),
            *(f"c{chance.randrange(40)}", f"m{chance.randrange(9)}"),
            *(f"{5 + 20 * chance.random():.2f}", kind, f"q{chance.randrange(5)}"),
            *(str(chance.randrange(90)), str(int(fraud))),
        ]
        rows.append(",".join(cells))
    path.write_text("\n".join([HEAD, *rows]) + "\n")
    return path
