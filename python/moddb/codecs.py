# SPDX-License-Identifier: MIT
"""The conversion of keys and values to bytes, which a database holds."""

from __future__ import annotations

import json
import pickle
from typing import Any, Callable, Generic, Literal, NamedTuple, TypeVar

V = TypeVar("V")


class Codec(NamedTuple, Generic[V]):
    """Two functions between values and bytes. Keys are str.

    Reading raises what decode raises: other programs may write values that it cannot decode.
    """

    encode: Callable[[V], bytes]
    decode: Callable[[bytes], V]


def _to_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


JSON: Codec[Any] = Codec(_to_json, json.loads)
"""All values that json.dumps() accepts."""

PICKLE: Codec[Any] = Codec(pickle.dumps, pickle.loads)
"""Any Python object.

Unpickling runs code that the writer chose: users who may write to the database can then act as any
user who reads it with this codec. Use it only with a database that only trusted users may write,
not with 'default'.
"""

CodecName = Literal["utf-8", "json"]


class Functions(NamedTuple):
    """A codec in the form that the extension uses."""

    keys: type
    values: type
    encode: Callable[[Any], bytes] | None
    decode: Callable[[bytes], Any] | None


def functions_of(codec: CodecName | Codec[Any] | None) -> Functions:
    """The functions of a codec. ValueError if there is none of this name."""
    if codec is None:
        return Functions(bytes, bytes, None, None)
    if codec == "utf-8":
        return Functions(str, str, None, None)
    if codec == "json":
        codec = JSON
    if isinstance(codec, Codec):
        return Functions(str, object, codec.encode, codec.decode)
    raise ValueError(f"no codec {codec!r}: there are 'utf-8', 'json', and moddb.Codec")
