"""The files that docs/data.md names. In all of them the first row is the same payment."""

import bz2
import gzip
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.public_sets import write_sets

SECRET = "0123456789abcdef"
AT = 1_546_300_805_000  # 2019-01-01T00:00:05Z
PAYMENT: Mapping[str, Any] = {
    "id": "t1",
    "at": AT,
    "customer": "c1",
    "merchant": "m1",
    "amount": 1234.5,
}
PLAIN = f"t1,{AT},c1,m1,1234.5,1"
NEXT = f"t2,{AT + 1},c2,m1,2,0"
HEAD = "id,at,customer,merchant,amount"
BOTH = f"{PLAIN}\n{NEXT}\n"

TEXTS = {
    "labels.csv": "id,customer,label\nt1,c1,fraud\nt2,c2,legit\n",
    "words-of-labels.csv": "TX,CLIENT,SAYS\nt1,c1,FRAUDE\n",
    "payments.csv": f"{HEAD},label\n{BOTH}",
    "payments.txt": f"{HEAD},label\n{BOTH}".replace(",", "|"),
    "payments.tsv": f"{HEAD},label\n{BOTH}".replace(",", "\t"),
    "semicolon.csv": f"{HEAD},label\n{PLAIN}\n".replace(",", ";").replace("1234.5", "1.234,50 €"),
    "colon.csv": f"{HEAD},label\n{BOTH}".replace(",", ":"),
    "quotes.csv": f"{HEAD},label\n't1',{AT},'c1','m1','1,234.5',1\n",
    "bank.csv": f"TX,WHEN,CLIENT,SHOP,EUR,BAD\n{BOTH}",
    "odd.csv": f'"no, of TX",at,customer,merchant,"amount = ""EUR""",label\n{BOTH}',
    "parts.csv": f"id,at,card,bank,merchant,amount,label\nt1,{AT},c1,b1,m1,1234.5,1\n",
    "noid.csv": f"at,customer,merchant,amount,label\n{AT},c1,m1,1234.5,1\n",
    "nomerchant.csv": f"id,at,customer,amount,label\nt1,{AT},c1,1234.5,1\n",
    "nocustomer.csv": f"id,at,merchant,amount,label\nt1,{AT},m1,1234.5,1\n",
    "words.csv": f"{HEAD},label\n{PLAIN[:-1]}FRAUDE\n{NEXT[:-1]}ok\n",
    "known.csv": f"{HEAD},label,SINCE\n{PLAIN},{AT + 9}\n",
    "seconds.csv": f"{HEAD},label\n{PLAIN}\n".replace(str(AT), str(AT // 1000)),
    "micros.csv": f"{HEAD},label\n{PLAIN}\n".replace(str(AT), f"{AT}000"),
    "serials.csv": f"{HEAD},label\n{PLAIN}\n".replace(str(AT), "43466.00005787037"),
    "hours.csv": f"{HEAD},label\n{PLAIN}\n".replace(str(AT), "0"),
    "dates.csv": f"{HEAD},label\n{PLAIN}\n".replace(str(AT), "01/01/2019 00:00:05"),
    "local.csv": f"{HEAD},label\n{PLAIN}\n".replace(str(AT), "2019-01-01 01:00:05"),
    "apart.csv": "id,day,tod,customer,merchant,amount,label\n"
    "t1,2019-01-01,00:00:05,c1,m1,1234.5,1\n",
    "decimal.csv": f"{HEAD},label\n{PLAIN}\n".replace("1234.5", '"1.234,5"')
    + NEXT.replace(",2,", ",1.234,"),
    "refunds.csv": f"{HEAD},label\n{PLAIN}\n" + NEXT.replace(",2,", ",-2,"),
    "refund.csv": f"{HEAD},label\n{PLAIN}\n".replace("1234.5", "-1234.5"),
    "missing.csv": f"{HEAD},label,country,device\n{PLAIN},-,?\n",
    "pans.csv": f"{HEAD},label\n{PLAIN}\n".replace("c1", "4111111111111111"),
    "unsorted.csv": f"{HEAD},label\n{PLAIN}\n" + NEXT.replace(str(AT + 1), str(AT - 1)),
    "own.csv": f"{HEAD},label,STORE,Age\n{PLAIN},s1,3\n{NEXT},s2,old\n",
    "fields.toml": '[[word]]\nname = "shop"\n[[number]]\nname = "age"\n',
    "bad.csv": f"{HEAD},label\n{BOTH}t3\n",
    "hash.key": f"{SECRET}\n",
}


def write_files(folder: Path) -> None:
    """All of them, and the public sets."""
    write_sets(folder)
    for name, text in TEXTS.items():
        (folder / name).write_text(text)
    (folder / "latin.csv").write_text(f"{HEAD},label,category\n{PLAIN},café\n", encoding="latin-1")
    rows = [{**PAYMENT, "label": "fraud"}, {**PAYMENT, "id": "t2", "label": "legit"}]
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    for name in ("payments.jsonl", "payments.ndjson"):
        (folder / name).write_bytes(lines)
    (folder / "payments.json").write_text(json.dumps(rows))
    plain = TEXTS["payments.csv"].encode()
    (folder / "payments.csv.gz").write_bytes(gzip.compress(plain))
    (folder / "payments.csv.bz2").write_bytes(bz2.compress(plain))
    with zipfile.ZipFile(folder / "payments.zip", "w") as archive:
        archive.writestr("payments.csv", plain)
    write_with_pyarrow(folder, rows, lines)


def write_with_pyarrow(folder: Path, rows: list[dict[str, Any]], lines: bytes) -> None:
    """Those that need it."""
    import pyarrow
    from pyarrow.parquet import write_table

    write_table(pyarrow.Table.from_pylist(rows), folder / "payments.parquet")
    packed = pyarrow.Codec("zstd").compress(lines, asbytes=True)
    (folder / "payments.jsonl.zst").write_bytes(packed)
