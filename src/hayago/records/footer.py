"""The metadata at the end of a Parquet file, as far as pyarrow cannot be asked about them.

pyarrow ends the whole process if what a column says about itself does not fit together: its C++ throws an exception
where Cython expects none. So the counts of the columns are read here, from Thrift's compact protocol. Reading the
columns themselves is safe: there pyarrow raises an error.
"""

import struct
from typing import Any, BinaryIO

_TAIL = 8  # the length of the metadata, and the magic
_BYTE, _DOUBLE, _BINARY, _SET, _STRUCT = 3, 7, 8, 10, 12
_BOOLS, _INTEGERS, _LISTS, _MAP = (1, 2), (4, 5, 6), (9, _SET), 11
# The numbers of fields, in Parquet's terms: FileMetaData.row_groups, RowGroup.columns, ColumnChunk.meta_data,
# ColumnMetaData.num_values.
_ROW_GROUPS, _COLUMNS, _COLUMN, _NUM_VALUES = 4, 1, 3, 5


def column_counts(file: BinaryIO) -> list[list[int]]:
    """The number of values in each column of each row group.

    Raises:
        ValueError: the metadata cannot be read.
    """
    end = file.seek(0, 2)
    file.seek(end - _TAIL)
    length = int.from_bytes(file.read(4), "little")
    file.seek(end - _TAIL - length)
    try:
        about = _Reader(file.read(length)).value(_STRUCT)
        return [[column[_COLUMN][_NUM_VALUES] for column in group[_COLUMNS]] for group in about[_ROW_GROUPS]]
    except (LookupError, TypeError, RecursionError, struct.error) as error:
        raise ValueError("the metadata cannot be read") from error


class _Reader:
    """Values of the compact protocol: a struct becomes a dict by the numbers of its fields."""

    def __init__(self, data: bytes) -> None:
        self._data, self._place = data, 0

    def value(self, kind: int) -> Any:
        """The next value, which is of this kind."""
        if kind in _BOOLS or kind == _BYTE:
            return self._byte()
        if kind in _INTEGERS:
            number = self._number()
            return number >> 1 ^ -(number & 1)  # zigzag
        if kind == _DOUBLE:
            return struct.unpack("<d", self._bytes(8))[0]
        if kind == _BINARY:
            return self._bytes(self._number())
        if kind in _LISTS:
            size, of = divmod(self._byte(), 16)
            return [self.value(of) for _ in range(self._number() if size == 15 else size)]
        if kind == _MAP:
            size = self._number()
            kinds = divmod(self._byte(), 16) if size else (0, 0)
            return [(self.value(kinds[0]), self.value(kinds[1])) for _ in range(size)]
        if kind == _STRUCT:
            return self._struct()
        raise ValueError("no such kind of value")

    def _struct(self) -> dict[int, Any]:
        fields: dict[int, Any] = {}
        name = 0
        while head := self._byte():
            step, kind = divmod(head, 16)
            name = name + step if step else self.value(_INTEGERS[0])
            fields[name] = kind == 1 if kind in _BOOLS else self.value(kind)
        return fields

    def _byte(self) -> int:
        self._place += 1
        return self._data[self._place - 1]

    def _bytes(self, count: int) -> bytes:
        self._place += count
        if self._place > len(self._data):
            raise ValueError("cut short")
        return self._data[self._place - count : self._place]

    def _number(self) -> int:
        number = shift = 0
        while (byte := self._byte()) >= 128:
            number |= (byte & 127) << shift
            shift += 7
        return number | byte << shift
