"""A hub of one data set on this machine, with as much of its interface as the library ``datasets`` asks for."""

import hashlib
import io
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import pyarrow
import pyarrow.parquet

COMMIT = "a" * 40


def table(**columns: list) -> bytes:
    """Return a parquet file."""
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), file)
    return file.getvalue()


FILES = {
    "user/name": {
        "README.md": b"# Two splits\n",
        "data/train-00000-of-00001.parquet": table(prompt=["a", "b"], reference=["x", "y"]),
        "data/dev-00000-of-00001.parquet": table(prompt=["c"], reference=["z"]),
    },
    "user/script": {"script.py": b"raise SystemExit('a script was run')\n"},
    "user/archive": {"train.zip": b"PK\x03\x04"},
}


class _Answers(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        kind, repository, rest = self._asked()
        files = FILES.get(repository)
        if files is None:
            self._send(404, headers={"X-Error-Code": "RepoNotFound"})
        elif kind == "file":
            self._send_file(files, rest.split("/", 1)[1])
        elif rest.startswith("tree/"):
            whole = "recursive=true" in self.path.lower()
            self._json([_entry(files, path) for path in _children(files, rest.split("/")[2:], whole)])
        elif rest in ("", "revision/main", f"revision/{COMMIT}", "revision/refs/convert/parquet"):
            self._json({"id": repository, "sha": COMMIT, "siblings": [{"rfilename": name} for name in files]})
        else:
            self._send(404, headers={"X-Error-Code": "RevisionNotFound"})

    do_HEAD = do_GET

    def do_POST(self) -> None:
        _, repository, _ = self._asked()
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        paths = json.loads(body)["paths"] if body.startswith("{") else parse_qs(body)["paths"]
        files = FILES[repository]
        self._json([_entry(files, path) for path in paths if path in files or _below(files, path.split("/"))])

    def _asked(self) -> tuple[str, str, str]:
        """Return whether a file or something about a repository is asked for, the repository, and the rest."""
        path = urlsplit(self.path).path.replace("refs%2Fconvert%2Fparquet/", f"{COMMIT}/")
        parts = unquote(path).strip("/").split("/")
        kind = "about" if parts[0] == "api" else "file"
        parts = parts[2:] if kind == "about" else parts[1:]
        rest = parts[2:] if kind == "about" else parts[3:]
        return kind, "/".join(parts[:2]), "/".join(rest)

    def _send_file(self, files: dict[str, bytes], name: str) -> None:
        content = files.get(name)
        if content is None:
            return self._send(404, headers={"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
        tag = f'"{hashlib.sha1(content).hexdigest()}"'
        return self._send(200, content, {"ETag": tag, "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"})

    def _json(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _send(self, code: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(code)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _below(files: dict[str, bytes], folder: list[str]) -> list[str]:
    prefix = "".join(f"{part}/" for part in folder if part)
    return [name for name in files if name.startswith(prefix)]


def _children(files: dict[str, bytes], folder: list[str], whole: bool) -> list[str]:
    """Return the files below a folder, or what lies right in it."""
    names = _below(files, folder)
    depth = len([part for part in folder if part]) + 1
    return names if whole else sorted({"/".join(name.split("/")[:depth]) for name in names})


def _entry(files: dict[str, bytes], path: str) -> dict[str, object]:
    if path not in files:
        return {"type": "directory", "path": path, "oid": "2" * 40}
    return {"type": "file", "path": path, "size": len(files[path]), "oid": "1" * 40}


def serve() -> str:
    """Start the hub in a thread and return its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"
