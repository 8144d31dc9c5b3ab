"""Tables of text as people have them, small, and what a careful person reads in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from rnnedge_runtime.tables.options import TableOptions

NUM_ROWS = 30


@dataclass(frozen=True)
class Messy:
    """One table.

    Attributes:
        name: of its file.
        raw: its bytes.
        names: of its columns.
        first: the first two numbers of some columns.
        num_rows: how many rows it has.
        units: of some columns.
        notes: parts of what is said, in order.
        options: what is needed to read it.
        refused: pattern of the error, where it cannot be read as it is.
    """

    name: str
    raw: bytes
    names: tuple[str, ...] = ("time", "temp", "power")
    first: dict[str, tuple[float, float]] = field(default_factory=dict)
    num_rows: int = NUM_ROWS
    units: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    options: TableOptions = field(default_factory=TableOptions)
    refused: str = ""


def rows(
    mark: str,
    temp: Callable[[float], str] = lambda v: f"{v:.2f}",
    power: Callable[[float], str] = lambda v: f"{v:.0f}",
    time: str = "2024-01-{d:02d} {h:02d}:00:00",
    *,
    end: str = "\n",
    size: int = NUM_ROWS,
) -> str:
    """Rows of time, temperature (from 6.57, 6.53) and power (from 1924, 1913)."""
    lines = []
    for k in range(size):
        stamp = time.format(d=1 + k // 24, h=k % 24)
        cells = (stamp, temp(6.57 - 0.04 * k), power(1924 - 11 * k))
        lines.append(mark.join(cells) + end)
    return "".join(lines)


def _counted(mark: str) -> str:
    lines = (line.partition(mark)[2] for line in rows(mark).splitlines())
    return "".join(f"{k}{mark}{line}\n" for k, line in enumerate(lines, 1))


def comma(text: str) -> str:
    return text.replace(".", ",")


def german(value: float) -> str:
    return f"{value:,.1f}".replace(",", "_").replace(".", ",").replace("_", ".")


HEAD = "time,temp,power\n"
BOTH = {"temp": (6.57, 6.53), "power": (1924.0, 1913.0)}
POWER = {"power": (1924.0, 1913.0)}
BLANKS = ("Cells are told apart by blanks.",)
DECIMAL = ("The decimal mark is the comma.",)


def _of(name: str, text: str, encoding: str = "utf-8", **expected: object) -> Messy:
    expected.setdefault("first", BOTH)
    return Messy(name, text.encode(encoding), **expected)  # type: ignore[arg-type]


def _missing(name: str, word: str) -> Messy:
    values = iter(range(NUM_ROWS))

    def temp(value: float) -> str:
        return word if next(values) % 9 == 4 else f"{value:.2f}"

    return _of(f"missing_{name}.csv", HEAD + rows(",", temp))


MISSING = {
    "na": "NA",
    "null": "null",
    "q": "?",
    "dashes": "--",
    "hash": "#N/A",
    "div": "#DIV/0!",
    "value": "#VALUE!",
    "nil": "nil",
    "unavailable": "unavailable",
    "unknown": "unknown",
    "nat": "NaT",
    "missing": "missing",
    "dot": ".",
    "stars": "***",
    "nodata": "NoData",
    "no_data": "no data",
    "bad": "Bad",
    "error": "Err",
    "none": "None",
    "inf": "-Infinity",
    "backslash": "\\N",
}

PLAIN = [
    _of("plain.csv", HEAD + rows(",")),
    _of("semicolon.csv", HEAD.replace(",", ";") + rows(";")),
    _of("tabs.tsv", HEAD.replace(",", "\t") + rows("\t")),
    _of("pipe.txt", HEAD.replace(",", "|") + rows("|")),
    _of(
        "blanks.txt", "time temp power\n" + rows("  ", time="{d}.{h:02d}"), notes=BLANKS
    ),
    _of(
        "ends.txt",
        rows(" ", time="{d}", end="  \n"),
        names=("c1", "c2", "c3"),
        first={"c2": (6.57, 6.53)},
        notes=(*BLANKS, "called c1 to c3"),
    ),
    _of("date_clock.txt", "           time  temp power\n" + rows("  "), notes=BLANKS),
    _of(
        "to_string.txt",
        "   time  temp power\n"
        + "".join(f"{k}  {line}\n" for k, line in enumerate(rows("  ").splitlines())),
        names=("", "time", "temp", "power"),
        notes=BLANKS,
    ),
    _of("cr.csv", (HEAD + rows(",")).replace("\n", "\r")),
    _of("crlf.csv", (HEAD + rows(",")).replace("\n", "\r\n")),
    _of("sep.csv", "sep=;\r\n" + HEAD.replace(",", ";") + rows(";")),
    _of("padded.csv", " time , temp ,\tpower \n" + rows(" , ")),
    _of(
        "quoted.csv",
        '"time","temp","power"\n'
        + rows(",").replace(",", '","').replace("\n", '"\n"')[:-1].join(('"', "")),
    ),
    _of("one.csv", HEAD + rows(",", size=1), num_rows=1, first={"temp": (6.57, 6.57)}),
    _of("no_end.csv", (HEAD + rows(","))[:-1]),
    _of(
        "single.txt",
        "temp\n" + "".join(f"{k},5\n" for k in range(NUM_ROWS)),
        names=("temp",),
        first={"temp": (0.5, 1.5)},
        notes=DECIMAL,
    ),
]

ENCODED = [
    _of("bom.csv", HEAD + rows(","), "utf-8-sig"),
    _of("utf16.csv", HEAD + rows(","), "utf-16", notes=("The text is UTF-16.",)),
    _of("utf16le.csv", HEAD + rows(","), "utf-16-le", notes=("UTF-16-LE.",)),
    _of("utf16be.csv", HEAD + rows(","), "utf-16-be", notes=("UTF-16-BE.",)),
    _of(
        "cp1252.csv",
        HEAD.replace("temp", "Temp °C") + rows(","),
        "cp1252",
        names=("time", "Temp °C", "power"),
        first={"Temp °C": (6.57, 6.53)},
        notes=("not UTF-8 (byte 0xb0 at 10) and is read as Windows-1252 (--encoding)",),
    ),
    _of(
        "latin.csv",
        HEAD.replace("temp", "größe\x81") + rows(","),
        "latin-1",
        names=("time", "größe\x81", "power"),
        first=POWER,
        notes=("read as Latin-1",),
    ),
    _of(
        "cp437.csv",
        HEAD.replace("temp", "größe") + rows(","),
        "cp437",
        names=("time", "größe", "power"),
        first=POWER,
        options=TableOptions(encoding="cp437"),
    ),
]

AMBIGUOUS = (
    r"column 'power' holds '1\.924' in row 1, which is 1\.924 with a decimal point and 1924 "
    r"with a decimal comma; .*\. Say which with --decimal '\.' or --decimal ','\."
)
THOUSANDS_DE = HEAD.replace(",", ";") + rows(
    ";", power=lambda v: f"{v:,.0f}".replace(",", ".")
)
DMY = HEAD.replace(",", "\t") + rows(
    "\t",
    power=lambda v: f"{v:,.0f}".replace(",", "."),
    time="{d:02d}.01.2024 {h:02d}:00",
)
NUMBERS = [
    _of(
        "excel_de.csv",
        HEAD.replace(",", ";")
        + rows(";", lambda v: comma(f"{v:.2f}"), german, "{d:02d}.01.2024 {h:02d}:00"),
        notes=(*DECIMAL, "Column 'power': points group thousands ('1.924,0')."),
    ),
    _of("tabs_de.tsv", HEAD.replace(",", "\t") + rows("\t", lambda v: comma(f"{v:.2f}")),
        notes=DECIMAL),
    _of("quoted_de.csv", HEAD + rows(",", lambda v: f'"{comma(f"{v:.2f}")}"'), notes=DECIMAL),
    _of("thousands.csv", HEAD + rows(",", power=lambda v: f'"{v:,.0f}"'),
        notes=("Column 'power': commas group thousands ('1,924').",)),
    _of("thousands_2.csv", HEAD.replace(",", ";") + rows(";", power=lambda v: f"{v:,.1f}"),
        notes=("commas group thousands",)),
    _of("thousands_space.csv",
        HEAD + rows(",", power=lambda v: f"{v:,.0f}".replace(",", " "))),
    _of("thousands_ch.csv",
        HEAD + rows(",", power=lambda v: f"{v:,.2f}".replace(",", "'"))),
    _of("thousands_nbsp.csv", HEAD.replace(",", ";")
        + rows(";", power=lambda v: f"{v:,.1f}".replace(",", "\u202f").replace(".", ",")),
        notes=DECIMAL),
    _of("thousands_de.csv", THOUSANDS_DE, refused=AMBIGUOUS),
    _of("thousands_dmy.csv", DMY, refused=AMBIGUOUS),
    _of("thousands_de_comma.csv", THOUSANDS_DE, options=TableOptions(decimal=","),
        notes=("The decimal mark is the comma.", "points group thousands")),
    _of("thousands_de_point.csv", THOUSANDS_DE, options=TableOptions(decimal="."),
        first={"temp": (6.57, 6.53), "power": (1.924, 1.913)}),
    _of("three_digits.csv", "time;temp;power\n"
        + rows(";", lambda v: f"{v - 6:.3f}", lambda v: f"{v / 1000:.3f}"),
        first={"temp": (0.57, 0.53), "power": (1.924, 1.913)}),
    _of("three_digits_en.csv", HEAD + rows(",", power=lambda v: f"{v / 1000:.3f}"),
        first={"power": (1.924, 1.913)}),
    _of("three_digits_comma.csv",
        "time;power\n" + "".join(f"2024-01-{k:02d};1,9{k:02d}\n" for k in range(1, 31)),
        names=("time", "power"), first={"power": (1.901, 1.902)},
        refused=r"'1,901' in row 1, which is 1901 with a decimal point and 1\.901 with a"),
    _of("plus.csv", HEAD + rows(",", lambda v: f"+{v:.2f}")),
    _of("plus_minus.csv", HEAD + rows(",", lambda v: f"+{-v:.2f}"),
        first={"temp": (-6.57, -6.53)}),
    _of("minus.csv", HEAD + rows(",", lambda v: f"\u2212{v:.2f}"),
        first={"temp": (-6.57, -6.53)}),
    _of("hex.csv", HEAD + rows(",", power=lambda v: hex(int(v))), notes=("hexadecimal",)),
    _of("unit.csv", HEAD + rows(",", lambda v: f"{v:.2f} °C", lambda v: f"{v:.0f}W"),
        units={"temp": "°C", "power": "W"},
        notes=("Column 'temp': its unit, °C, is in its cells.", "its unit, W")),
    _of("percent.csv", HEAD + rows(",", lambda v: f"{v:.2f}%"), units={"temp": "%"},
        notes=("its unit, %",)),
    _of("currency.csv", HEAD + rows(",", power=lambda v: f"${v:.1f}"), units={"power": "$"},
        notes=("its unit, $",)),
    _of("euro.csv", "time;temp;power\n" + rows(";", power=lambda v: f"{german(v)} €"),
        units={"power": "€"}, notes=("decimal mark is the comma", "its unit, €", "points")),
    _of("magnitude.csv",
        HEAD + rows(",", power=lambda v: f"{v}K" if v < 1900 else f"{v / 1e3}M"),
        first={"power": (1.924e6, 1.913e6)}, notes=("K, M and B in its cells",)),
    _of("flags.csv", HEAD + rows(",", power=lambda v: f"{v:.0f}{'s' if v % 3 else ''}"),
        notes=("the flag 's' after some numbers ('1924s') is not looked at",)),
    _of("flags_na.csv", HEAD + rows(",", power=lambda v: f"{v:.0f}{'' if v % 2 else 's'}"),
        first={"power": (float("nan"), 1913)}, options=TableOptions(na=("*s",)),
        notes=("flag",)),
    _of("words.csv", HEAD + rows(",", power=lambda v: "ON" if v % 2 else "off"),
        first={"power": (0, 1)}, notes=("holds words: 'ON' is 1 and 'off' is 0.",)),
    _of("doors.csv", HEAD + rows(",", power=lambda v: "closed" if v % 2 else "open"),
        first={"power": (1, 0)}, notes=("'open' is 1 and 'closed' is 0",)),
    _of("bool.csv", HEAD + rows(",", power=lambda v: str(v % 2 == 0)),
        first={"power": (1, 0)}),
    *(_missing(name, word) for name, word in MISSING.items()),
    _of("below.csv", HEAD + rows(",", lambda v: "<0.1" if v < 5.6 else f"{v:.2f}"),
        refused=r"column 'temp' holds '<0\.1' in row 26, .* name it with --na '<0\.1'"),
    _of("below_na.csv", HEAD + rows(",", lambda v: "<0.1" if v < 5.6 else f"{v:.2f}"),
        options=TableOptions(na=("<*",))),
    _of("trace.csv", HEAD + rows(",", lambda v: "T" if v < 5.6 else f"{v:.2f}"),
        refused=r"'T' in row 26, .* --na 'T'"),
    _of("two_units.csv", HEAD + rows(",", lambda v: f"{v:.2f} °{'CF'[v < 5.6]}"),
        refused=r"'5\.57 °F' in row 26.*The cells before have the unit '°C'"),
    _of("some_units.csv", HEAD + rows(",", lambda v: f"{v:.2f}{'' if v < 5.6 else ' °C'}"),
        refused=r"'5\.57' in row 26.*The cells before have the unit '°C'"),
    _of("codes.csv", HEAD + rows(",", lambda v: "-999.0" if v > 6.5 else f"{v:.2f}"),
        first={"temp": (float("nan"),) * 2},
        options=TableOptions(missing_values=("temp=-999",))),
]  # fmt: skip

LINES = [
    _of("comments.csv", "# logger SN 1234\n# interval 1h\n" + HEAD + rows(","),
        notes=("2 lines above the names are skipped ('# logger SN 1234').",)),
    _of("comments.txt", "# id: a1\n# name: test 203\n# channels: 2\ntime temp power\n"
        + rows(" ", time="{d}.{h:02d}"), notes=(*BLANKS, "3 lines")),
    _of("keys.csv", "Station: Kiel\nLogger: 1234\n\n" + HEAD + rows(","),
        notes=("2 lines above the names are skipped ('Station: Kiel').",)),
    _of("title.csv", '\ufeff"Plot Title: greenhouse"\r\n' + HEAD + rows(","),
        notes=("1 line",)),
    _of("cells.csv", "Site,Kiel\nSN,1234\n\n" + HEAD + rows(","), notes=("2 lines",)),
    _of("like_names.csv", "Station,Kiel,x\nLogger,1234,y\n" + HEAD + rows(","),
        notes=("2 lines",)),
    _of("filled.csv", "Station: Kiel,,\nLogger,1234,\n,,\n" + HEAD + rows(","),
        notes=("2 lines above",)),
    _of("index_name.csv", ",temp,power\ntime,,\n" + rows(",")),
    _of("skip.csv", "1,2,3\n4,5,6\n" + HEAD + rows(","), options=TableOptions(skip_rows=2)),
    _of("hash_names.csv", "#" + HEAD + rows(",")),
    _of("hash_blank_names.txt", "# time temp power\n" + rows(" ", time="{d}.{h:02d}"),
        notes=BLANKS),
    _of("hash_column.csv", "#,temp,power\n" + rows(",", time="{d}{h}"),
        names=("#", "temp", "power")),
    _of("percent_names.txt", "% time temp power\n" + rows(" ", time="{d}.{h:02d}"),
        notes=BLANKS),
    _of("between.csv", HEAD + rows(",", size=20) + "# battery, changed\n"
        + rows(",", size=10)),
    _of("again.csv", HEAD + rows(",", size=20) + HEAD + rows(",", size=10)),
    _of("restarted.csv", "Station: Kiel\n" + HEAD + ",degC,W\n" + rows(",", size=20)
        + "Station: Kiel\n" + HEAD + ",degC,W\n" + rows(",", size=10),
        units={"temp": "degC", "power": "W"}, notes=("1 line above",)),
    _of("units_row.csv", HEAD + ",degC,W\n" + rows(","), units={"temp": "degC", "power": "W"}),
    _of("units_brackets.csv", HEAD + "[UTC],[°C],(W)\n" + rows(","),
        units={"temp": "°C", "power": "W"}),
    _of("units_time.csv", HEAD + "yyyy-mm-dd HH:MM,degC,W\n" + rows(","),
        units={"temp": "degC", "power": "W"}),
    _of("toa5.csv", '"TOA5","st1","CR1000","1","std","prog","1","Table1"\n'
        '"TIMESTAMP","AirTC_Avg","RH"\n"TS","Deg C","%"\n"","Avg","Smp"\n'
        + rows(",", time='"2024-01-{d:02d} {h:02d}:00:00"'),
        names=("TIMESTAMP", "AirTC_Avg", "RH"), first={"AirTC_Avg": (6.57, 6.53)},
        units={"AirTC_Avg": "Deg C", "RH": "%"}, notes=("1 line above",)),
    _of("described.csv", HEAD + "measured at,air temperature,power drawn\n" + rows(","),
        notes=("The line of words under the names is skipped ('measured at,",)),
    _of("trailing.csv", "time,temp,power,\n" + rows(",", end=",\n")),
    _of("trailing_rows.csv", HEAD + rows(",", end=",\n")),
    _of("trailing_names.csv", "time,temp,power,,\n" + rows(",")),
    _of("empty_rows.csv", "time;temp;power;;\n" + rows(";", end=";;\n") + ";;;;\n" * 3),
    _of("footer.csv", HEAD + rows(",") + "Average,20.3,\nMaximum,25.1,\n",
        notes=("The last 2 lines ('Average') are left out, as no readings.",)),
    _of("footer_text.csv", HEAD + rows(",") + "\nGenerated by X\n",
        notes=("The last line ('Generated by X') is left out, as no readings.",)),
    _of("cut.csv", (HEAD + rows(","))[:-7], num_rows=NUM_ROWS - 1,
        notes=("The last row has 2 cells of 3 and is left out; the table was cut short",)),
    _of("no_names.csv", rows(","), names=("c1", "c2", "c3"), first={"c2": (6.57, 6.53)},
        notes=("No line names the columns, so they are called c1 to c3.",)),
    _of("twice.csv", "time,temp,temp\n" + rows(","), names=("time", "temp", "temp_2"),
        first={"temp_2": (1924, 1913)},
        notes=("Columns 2 and 3 are both named 'temp'; the second is called 'temp_2'.",)),
    _of("twice_taken.csv", "temp_2,temp,temp\n" + rows(","), first={"temp_3": (1924, 1913)},
        names=("temp_2", "temp", "temp_3"), notes=("the second is called 'temp_3'",)),
    _of("index.csv", ",temp,power\n" + rows(",", time="{d}{h}"), names=("", "temp", "power")),
    _of("r_index.csv", "temp,power\n" + _counted(","), names=("", "temp", "power")),
    _of("numbered.csv", "time,1,2\n" + rows(","), names=("time", "1", "2"),
        first={"1": (6.57, 6.53)}),
    _of("names_in_lines.csv", 'time,"temp\n(°C)",power\n' + rows(","),
        names=("time", "temp (°C)", "power"), first=POWER),
    _of("long.csv", HEAD + rows(",", size=5) + "1,2,3,4\n" + rows(",", size=5),
        refused="row 6 has 4 cells, but the table has 3 columns. The row holds a stray"),
    _of("short.csv", HEAD + rows(",", size=5) + "1,2\n" + rows(",", size=5),
        refused="row 6 has 2 cells, but the table has 3 columns. The row is cut short"),
    _of("commas.csv", HEAD + rows(",", lambda v: comma(f"{v:.2f}"), lambda v: comma(str(v))),
        refused="row 1 has [0-9] cells, but the table has 3 columns. .*decimal comma"),
    _of("open_quote.csv", HEAD + rows(",", size=3).replace("6.57", '"6.57') + rows(","),
        refused="row 1 is not CSV: a cell runs over several lines"),
]  # fmt: skip

CASES = [*PLAIN, *ENCODED, *NUMBERS, *LINES]
