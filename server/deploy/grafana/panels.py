# SPDX-License-Identifier: MIT
"""What Grafana's dashboards are made of: panels, rows, variables, links.

Only what differs from Grafana's own defaults is printed, so that the files can
be read and compared. Nothing here knows a metric; dashboards.py does.
"""

SCHEMA_VERSION = 39  # Grafana 11; later ones read it too
COLUMNS = 24
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
GREEN, YELLOW, RED, BLUE = "green", "yellow", "red", "blue"


def steps(first, *others):
    """A colour, then (value, colour) from which another one holds."""
    return {"mode": "absolute", "steps": [
        {"color": first, "value": None},
        *({"color": c, "value": v} for v, c in others)]}


WELL = steps(GREEN)
PLAIN = steps(BLUE)
UP = steps(RED, (1, GREEN))
IS_UP = [{"type": "value", "options": {
    "0": {"text": "down", "color": RED},
    "1": {"text": "up", "color": GREEN}}}]


def names(texts_and_colors):
    """Shows texts in the place of 0, 1, 2 ..."""
    return [{"type": "value", "options": {
        str(i): {"text": t, "color": c}
        for i, (t, c) in enumerate(texts_and_colors)}}]


def panel(kind, title, what, queries, unit, **more):
    """One panel. what: the question that it answers. queries: an expression,
    or pairs of one and its legend. more: width, height (of the 24 columns),
    thresholds, mappings, stack, low and high (of the scale), decimals."""
    if isinstance(queries, str):
        queries = [(queries, "__auto")]
    defaults = {"unit": unit, "thresholds": more.get("thresholds", WELL),
                "color": {"mode": "thresholds" if kind != "timeseries"
                          else "palette-classic"}}
    for key, member in (("mappings", "mappings"), ("low", "min"),
                        ("high", "max"), ("decimals", "decimals")):
        if key in more:
            defaults[member] = more[key]
    made = {"type": kind, "title": title, "description": what,
            "datasource": SOURCE,
            "fieldConfig": {"defaults": defaults, "overrides": []},
            "options": options(kind),
            "targets": [target(kind, i, *q) for i, q in enumerate(queries)],
            "size": (more.get("width", 8), more.get("height", 8))}
    if kind == "timeseries":
        defaults["custom"] = {
            "fillOpacity": 30 if more.get("stack") else 10,
            "showPoints": "never",
            "stacking": {"mode": "normal" if more.get("stack") else "none"},
            "thresholdsStyle": {"mode": "dashed" if len(
                defaults["thresholds"]["steps"]) > 1 else "off"}}
    if kind == "table":
        made["transformations"] = [
            {"id": "organize", "options": {
                "excludeByName": {name: True for name in more["hidden"]},
                "indexByName": {}, "renameByName": {}}}]
    return made


def options(kind):
    if kind == "timeseries":
        return {"legend": {"displayMode": "table", "placement": "bottom",
                           "showLegend": True,
                           "calcs": ["lastNotNull", "max"]},
                "tooltip": {"mode": "multi", "sort": "desc"}}
    if kind == "stat":
        return {"colorMode": "background_solid", "graphMode": "none",
                "textMode": "auto", "justifyMode": "auto",
                "reduceOptions": {"calcs": ["lastNotNull"], "fields": "",
                                  "values": False}}
    return {"showHeader": True, "cellHeight": "sm"}


def target(kind, index, expression, legend):
    made = {"refId": chr(ord("A") + index), "datasource": SOURCE,
            "editorMode": "code", "expr": expression, "legendFormat": legend}
    if kind == "table":
        return {**made, "format": "table", "instant": True, "range": False}
    return {**made, "instant": False, "range": True}


def stat(title, what, queries, unit, **more):
    return panel("stat", title, what, queries, unit,
                 **{"width": 4, "height": 4, **more})


def graph(title, what, queries, unit, **more):
    return panel("timeseries", title, what, queries, unit, **more)


def table(title, what, expression, hidden, **more):
    return panel("table", title, what, [(expression, "")], "none",
                 hidden=["Time", "__name__", "Value", *hidden],
                 **{"width": 24, **more})


def quantiles(metric, by, unit_of, *qs):
    """(expression, legend) of each quantile of a histogram; unit_of is the
    labels' part of the legend."""
    labels = ", ".join([*by, "le"])
    return [(f"histogram_quantile({q / 100:g}, sum by ({labels}) "
             f"(rate({metric}[$__rate_interval])))",
             f"p{q} {unit_of}".strip()) for q in qs]


def variable(name, label, query, several=True, every=".*"):
    """A choice among the values that Prometheus has for a label."""
    made = {"name": name, "label": label, "type": "query",
            "datasource": SOURCE, "definition": query,
            "query": {"query": query, "refId": "StandardVariableQuery"},
            "refresh": 2, "sort": 1, "multi": several, "includeAll": several,
            "hide": 0, "options": [], "regex": ""}
    if several:
        made["allValue"] = every
        made["current"] = {"selected": True, "text": ["All"],
                           "value": ["$__all"]}
    return made


DATASOURCE = {"name": "datasource", "label": "Prometheus",
              "type": "datasource", "query": "prometheus", "refresh": 1,
              "multi": False, "includeAll": False, "hide": 0, "options": [],
              "regex": "", "current": {}}


def placed(rows):
    """Panels with their ids and places, row after row, from left to right."""
    out, y = [], 0
    for title, panels in rows:
        out.append({"id": len(out) + 1, "type": "row", "title": title,
                    "collapsed": False, "panels": [],
                    "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1}})
        y, x, height = y + 1, 0, 0
        for made in panels:
            w, h = made.pop("size")
            if x + w > COLUMNS:
                x, y, height = 0, y + height, 0
            out.append({"id": len(out) + 1, **made,
                        "gridPos": {"x": x, "y": y, "w": w, "h": h}})
            x, height = x + w, max(height, h)
        y += height
    return out


def dashboard(name, title, what, variables, rows):
    return {
        "uid": f"deia-{name}", "title": title, "description": what,
        "tags": ["deia"], "schemaVersion": SCHEMA_VERSION, "version": 1,
        "editable": True, "graphTooltip": 1, "refresh": "30s",
        "timezone": "browser", "time": {"from": "now-3h", "to": "now"},
        "links": [{"title": "deia", "type": "dashboards", "tags": ["deia"],
                   "asDropdown": False, "includeVars": True,
                   "keepTime": True, "targetBlank": False, "icon":
                   "external link", "tooltip": "", "url": ""}],
        "annotations": {"list": [{
            "name": "starts of deiad", "datasource": SOURCE,
            "enable": True, "iconColor": BLUE, "step": "60s",
            "titleFormat": "deiad started", "textFormat": "{{instance}}",
            "expr": "changes(process_start_time_seconds"
                    '{job="deiad", instance=~"$instance"}[1m]) > 0'}]},
        "templating": {"list": [DATASOURCE, *variables]},
        "panels": placed(rows)}
