"""Write app/broker/jars.lock anew: what the development broker needs, as Maven resolves it.

Change KAFKA in app/broker/jars.py, then run this with `mvn` on the PATH:

    python tools/lock_jars.py
"""

import hashlib
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from app.broker.jars import KAFKA, LOCK

SLF4J = "1.7.36"  # the slf4j-api that Kafka 4.3.1 asks for; the two must be of one version
POM = f"""\
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>weir</groupId><artifactId>broker</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId>
      <version>{KAFKA}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId>
      <version>{SLF4J}</version>
    </dependency>
  </dependencies>
</project>
"""


def resolve(directory: Path) -> Path:
    """Let Maven copy the runtime jars under `directory`, each at its path in the repository."""
    (directory / "pom.xml").write_text(POM)
    arguments = ["-DincludeScope=runtime", "-Dmdep.useRepositoryLayout=true"]
    goal = ["dependency:copy-dependencies", "-DoutputDirectory=jars"]
    subprocess.run(["mvn", "-q", "-B", *goal, *arguments], cwd=directory, check=True)
    return directory / "jars"


def line(jar: Path, root: Path) -> str:
    content = jar.read_bytes()
    path = jar.relative_to(root).as_posix()
    return f"{hashlib.sha256(content).hexdigest()} {len(content)} {path}\n"


def main() -> None:
    with TemporaryDirectory() as scratch:
        root = resolve(Path(scratch))
        lines = [line(jar, root) for jar in sorted(root.rglob("*.jar"))]
    header = f"# Apache Kafka {KAFKA}: sha256, bytes, path in a Maven repository\n"
    LOCK.write_text(header + "".join(lines))


if __name__ == "__main__":
    main()
