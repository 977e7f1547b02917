#!/usr/bin/env python3
"""Derives `figures.csv`, the rates that the simulator draws from, from the City of Chicago's open data.

    pip install duckdb
    python3 derive.py Crimes_-_2001_to_Present.csv > figures.csv

The input is the portal's CSV (dataset ijzp-q8t2, 22 columns); the committed figures come from the years
2012 to 2017 (1,718,685 incidents, as published in May 2018). The output holds aggregates only, one kind of figure
per first column; no row describes an incident, and a cell of the grid with fewer than 30 incidents in the six years
is left out. Weights are counts unless said otherwise.

group,name,categories,day_sigma,slope,unknown_month,unknown_year,repeats
    Categories with a common rhythm. `day_sigma`: the standard deviation of a day's rate, relative, that remains
    after year, month and day of the week and after Poisson noise (in 1/1000): sqrt((Var - mean) / mean^2).
    `slope`: the yearly trend, least squares over the yearly totals, relative to their mean (in 1/1000).
    `unknown_*`: incidents per 100,000 dated to the first of a month or year at midnight for want of better
    knowledge: the excess over the midnights of other days. `repeats`: pairs on one block within seven days in
    2016, per 1000 incidents, beyond those that the same blocks and days give when they are independent (Knox).
hour,group,168 values     Relative rate by hour of the week from Monday 00:00, civil time; 1000 is the mean. Without
                          the first days of months, which carry those unknown dates.
month,group,12 values     Relative rate per day by month; 1000 is the mean.
lag_hours,values          The bounds of the classes of `lag`, in hours.
lag,group,values          Share per 10,000 of the time from occurrence to report, by class. The
                          report's time is not published; case numbers are given out in the order of reports, so it is
                          estimated as the 90th percentile of the times of occurrence of the 40 neighbours in the
                          order of case numbers. The portal's own further delay of seven days is not part of it.
minute,hour,60 values     Incidents by minute, per hour of the day: people round.
offence,group,category,code,description,fbi,weight,arrest,domestic,unmapped
                          The last three in 1/1000. Codes with fewer than 5 incidents are left out.
place,category,description,weight     The 16 most frequent per category; an empty description is a missing one.
area,category,weights     By community area, 1 to 77.
zone,area,district,beat,ward          The combinations that occur; the cells that follow belong to it.
cell,latitude,longitude,shops,homes,people,corners   The mean position of the incidents of one cell of some 500 m,
                          rounded to 0.001 degrees, with its weight for the groups of each of SETTINGS.
point,area,latitude,longitude,weight  Where an airport's incidents are all put on very few points: the rounded
                          position, and the share per 1000 of the area's incidents on the first of them.
"""

import sys

import duckdb

LAG_HOURS = [0, 1, 2, 3, 5, 8, 12, 18, 24, 36, 48, 72, 120, 168, 336, 720, 1440, 4320, 8760]

GROUPS = [
    ("theft", ["THEFT"]),
    ("battery", ["BATTERY"]),
    ("damage", ["CRIMINAL DAMAGE", "ARSON"]),
    ("narcotics", ["NARCOTICS", "OTHER NARCOTIC VIOLATION"]),
    ("assault", ["ASSAULT", "STALKING", "INTIMIDATION", "KIDNAPPING"]),
    ("other", ["OTHER OFFENSE", "NON-CRIMINAL", "NON - CRIMINAL", "NON-CRIMINAL (SUBJECT SPECIFIED)"]),
    ("deceptive", ["DECEPTIVE PRACTICE"]),
    ("burglary", ["BURGLARY"]),
    ("vehicle", ["MOTOR VEHICLE THEFT"]),
    ("robbery", ["ROBBERY"]),
    ("trespass", ["CRIMINAL TRESPASS", "PUBLIC PEACE VIOLATION", "INTERFERENCE WITH PUBLIC OFFICER"]),
    ("weapons", ["WEAPONS VIOLATION", "HOMICIDE", "CONCEALED CARRY LICENSE VIOLATION"]),
    ("sexual", ["CRIM SEXUAL ASSAULT", "SEX OFFENSE", "OFFENSE INVOLVING CHILDREN", "OBSCENITY", "HUMAN TRAFFICKING",
                "PUBLIC INDECENCY"]),
    ("vice", ["PROSTITUTION", "GAMBLING", "LIQUOR LAW VIOLATION"]),
]

SETTINGS = {
    "shops": ("theft", "deceptive"),
    "homes": ("damage", "burglary", "vehicle"),
    "people": ("battery", "assault", "other", "robbery", "trespass", "weapons", "sexual"),
    "corners": ("narcotics", "vice"),
}


def say(*fields):
    print(",".join(str(field) for field in fields))


def main(path):
    db = duckdb.connect()
    db.execute("create table grouped(category varchar, grp varchar)")
    for name, categories in GROUPS:
        db.executemany("insert into grouped values (?, ?)", [(category, name) for category in categories])
    db.execute(
        """
        create table t as
        select grp, trim("Primary Type") category, IUCR code, trim("Description") description, "FBI Code" fbi, "Block" || coalesce(Beat, '') block,
               coalesce(trim("Location Description"), '') place, "Case Number" number,
               strptime(Date, '%m/%d/%Y %I:%M:%S %p') happened,
               Arrest = 'true' arrest, Domestic = 'true' domestic,
               try_cast("Community Area" as int) area, District district, Beat beat, try_cast(Ward as int) ward,
               try_cast(Latitude as double) latitude, try_cast(Longitude as double) longitude
        from read_csv(?, all_varchar = true, header = true) join grouped on category = trim("Primary Type")
        where strptime(Date, '%m/%d/%Y %I:%M:%S %p') between '2012-01-01' and '2017-12-31 23:59:59'
        """,
        [path],
    )

    def rows(sql, *parameters):
        return db.execute(sql, parameters).fetchall()

    say("lag_hours", *LAG_HOURS)
    first = "day(happened) = 1"
    for name, categories in GROUPS:
        (total,) = rows("select count(*) from t where grp = ?", name)[0]
        (variance,) = rows(
            f"""
            with days as (select happened::date d, count(*) n from t where grp = ? and not {first} group by 1),
                 cells as (select year(d) y, month(d) m, isodow(d) w, avg(n) mu, var_samp(n) v from days group by 1, 2, 3)
            select avg((v - mu) / (mu * mu)) from cells where mu > 0
            """,
            name,
        )[0]
        (slope,) = rows(
            "select regr_slope(n, y) / avg(n) from (select year(happened) y, count(*) n from t where grp = ? group by 1)", name
        )[0]
        (other,) = rows(f"select count(*) / 2120.0 from t where grp = ? and hour(happened) = 0 and not {first}", name)[0]
        (months, years) = rows(
            f"select count(*) filter (month(happened) > 1), count(*) filter (month(happened) = 1) from t where grp = ? and {first} and hour(happened) = 0 and minute(happened) <= 1",
            name,
        )[0]
        (close,) = rows(
            """
            with e as (select block, happened::date d, row_number() over () id from t where grp = ? and year(happened) = 2016)
            select count(*) from e a join e b on a.block = b.block and a.id < b.id and abs(a.d - b.d) <= 7
            """, name)[0]
        (chance,) = rows(
            """
            with e as (select block, happened::date d from t where grp = ? and year(happened) = 2016),
                 days as (select d, count(*) n from e group by 1)
            select (select sum(n * (n - 1) / 2) from (select count(*) n from e group by block))
                 * (select sum(a.n * b.n) from days a join days b on abs(a.d - b.d) <= 7)
                 / (select count(*) from e) ** 2
            """, name)[0]
        (in_2016,) = rows("select count(*) from t where grp = ? and year(happened) = 2016", name)[0]
        say("group", name, "|".join(categories), round(1000 * max(variance, 0) ** 0.5), round(1000 * slope),
            max(0, round((months - 66 * other) / total * 1e5)), max(0, round((years - 6 * other) / total * 1e5)),
            max(0, round(1000 * (close - chance) / in_2016)))

    for name, _ in GROUPS:
        hours = dict(rows(
            f"select (isodow(happened) - 1) * 24 + hour(happened), count(*) from t where grp = ? and not {first} group by 1", name))
        mean = sum(hours.values()) / 168
        say("hour", name, *(round(1000 * hours.get(hour, 0) / mean) for hour in range(168)))
    for name, _ in GROUPS:
        months = dict(rows(
            "select month(happened), count(*)::double / count(distinct happened::date) from t where grp = ? and day(happened) > 1 group by 1",
            name))
        mean = sum(months.values()) / 12
        say("month", name, *(round(1000 * months.get(month, 0) / mean) for month in range(1, 13)))

    db.execute(
        """
        create table lags as
        select grp, epoch(report - happened) / 3600 lag from (
            select grp, happened, quantile_disc(happened, 0.9) over (order by number rows between 20 preceding and 20 following) report
            from t where regexp_full_match(number, '(HV|HW|HX|HY|HZ|JA)[0-9]{6}')
        )
        """
    )
    for name, _ in GROUPS:
        counts = []
        for low, high in zip(LAG_HOURS, LAG_HOURS[1:]):
            condition = f"lag < {high}" if low == 0 else f"lag >= {low} and lag < {high}"
            counts.append(rows(f"select count(*) from lags where grp = ? and {condition}", name)[0][0])
        say("lag", name, *(round(10_000 * count / sum(counts)) for count in counts))

    for hour in range(24):
        minutes = dict(rows(f"select minute(happened), count(*) from t where hour(happened) = ? and not {first} group by 1", hour))
        say("minute", hour, *(minutes.get(minute, 0) for minute in range(60)))

    for name, _ in GROUPS:
        for row in rows(
            """
            select category, code, mode(description), mode(fbi), count(*), round(1000 * avg(arrest::int))::int,
                   round(1000 * avg(domestic::int))::int, round(1000 * avg((latitude is null)::int))::int
            from t where grp = ? group by category, code having count(*) >= 5 order by category, count(*) desc, code
            """,
            name,
        ):
            assert not any("," in str(field) or '"' in str(field) for field in (row[0], row[1], row[3])), row
            say("offence", name, row[0], row[1], row[2].replace(",", ";"), *row[3:])

    kept = [category for _, categories in GROUPS for category in categories]
    for category in kept:
        for place, count in rows(
            "select place, count(*) from t where category = ? group by 1 order by 2 desc, 1 limit 16", category
        ):
            say("place", category, place.replace(",", ";"), count)
    for category in kept:
        areas = dict(rows("select area, count(*) from t where category = ? group by 1", category))
        say("area", category, *(areas.get(area, 0) for area in range(1, 78)))

    counts = ", ".join(f"count(*) filter (grp in {groups})" for groups in SETTINGS.values())
    zone = None
    for area, district, beat, ward, latitude, longitude, *weights in rows(
        f"""
        select area, district, beat, ward, round(avg(latitude), 3), round(avg(longitude), 3),
               {counts}
        from t where latitude between 41.64 and 42.03 and longitude between -87.95 and -87.52
          and area between 1 and 77 and district is not null and beat is not null and ward is not null
        group by area, district, beat, ward, round(latitude / 0.0045), round(longitude / 0.006)
        having count(*) >= 30 order by area, district, beat, ward, round(latitude / 0.0045), round(longitude / 0.006)
        """
    ):
        if zone != (area, district, beat, ward):
            zone = (area, district, beat, ward)
            say("zone", *zone)
        say("cell", f"{latitude:.3f}", f"{longitude:.3f}", *weights)

    for area in (76, 56):
        (share, latitude, longitude) = rows(
            """
            select count(*) / (select count(*) from t where area = ? and latitude is not null)::double,
                   round(latitude, 3), round(longitude, 3)
            from t where area = ? and latitude is not null group by latitude, longitude, 2, 3 order by 1 desc limit 1
            """.replace("group by latitude, longitude, 2, 3", "group by latitude, longitude"),
            area, area,
        )[0]
        say("point", area, f"{latitude:.3f}", f"{longitude:.3f}", round(1000 * share))


if __name__ == "__main__":
    main(sys.argv[1])
