"""The SQL behind each figure, over the published table `leads`, in words that SQLite (3.35) and DuckDB share.

Tests run each of them on a snapshot and compare with what the page says.
"""

# ruff: noqa: S608 - Put together from our own words only.

from collections.abc import Mapping

# Leads in denominators, with T, C and d of the page of method.
_COUNTED = """\
WITH timed AS (
  SELECT *,
         CASE WHEN closed_after_s < observed_s THEN closed_after_s ELSE observed_s END AS follow_up_s,
         CASE WHEN response_actor = 'human' THEN response_after_s END AS said_s
  FROM leads
  WHERE delivery_status = 'delivered' AND coalesce(excluded_reason, '') = ''
), counted AS (
  SELECT *,
         said_s IS NOT NULL AND said_s <= follow_up_s AS answered,
         CASE WHEN said_s <= follow_up_s THEN said_s ELSE follow_up_s END AS t_s
  FROM timed
  WHERE follow_up_s >= 0 AND coalesce(said_s, 0) >= 0
)"""

_STEPS = """\
, moments AS (
  SELECT t_s, count(*) AS leaving, sum(CASE WHEN answered THEN 1 ELSE 0 END) AS d FROM counted GROUP BY t_s
), steps AS (
  SELECT t_s, d, sum(leaving) OVER (ORDER BY t_s DESC) AS n FROM moments
), curve AS (
  SELECT t_s, n AS at_risk, d AS events,
         CASE WHEN max(CASE WHEN d = n THEN 1 ELSE 0 END) OVER (ORDER BY t_s) = 1 THEN 1.0
              ELSE 1.0 - exp(sum(CASE WHEN d < n THEN ln(1.0 - 1.0 * d / n) ELSE 0 END) OVER (ORDER BY t_s)) END AS answered,
         sum(CASE WHEN d < n THEN 1.0 * d / (1.0 * n * (n - d)) ELSE 0 END) OVER (ORDER BY t_s) AS greenwood
  FROM steps
)"""  # noqa: E501 - A query reads better unbroken.

QUERIES: Mapping[str, str] = {
    "reach": """\
-- M1: of the leads of which a vendor was notified, how many arrived.
SELECT count(*) AS notified,
       sum(CASE WHEN delivery_status = 'delivered' THEN 1 ELSE 0 END) AS delivered,
       sum(CASE WHEN delivery_status = 'unknown' THEN 1 ELSE 0 END) AS unknown
FROM leads
WHERE delivery_status IN ('delivered', 'unknown', 'undelivered', 'bounced', 'refused')
  AND coalesce(excluded_reason, '') NOT IN ('self_intent', 'test_intent')""",
    "curve": f"""\
-- M2: the response curve (Kaplan–Meier) and Greenwood's standard error.
{_COUNTED}{_STEPS}
SELECT t_s, at_risk, events, answered, (1.0 - answered) * sqrt(greenwood) AS se FROM curve ORDER BY t_s""",
    "shares": f"""\
-- M3: the share answered by each horizon, where somebody was watched for so long.
{_COUNTED}{_STEPS}
SELECT horizon_s, coalesce((SELECT answered FROM curve WHERE t_s <= horizon_s ORDER BY t_s DESC LIMIT 1), 0) AS answered
FROM (SELECT 300 AS horizon_s UNION ALL SELECT 3600 UNION ALL SELECT 86400 UNION ALL SELECT 604800
      UNION ALL SELECT 2592000) AS horizons
WHERE horizon_s <= (SELECT max(t_s) FROM curve)
   OR (horizon_s <= (SELECT max(follow_up_s) FROM counted) AND (SELECT max(answered) FROM curve) = 1)
ORDER BY horizon_s""",
    "bins": f"""\
-- M4: when the leads that were watched for 30 days were answered.
{_COUNTED}
SELECT CASE WHEN NOT answered THEN 'none' WHEN t_s <= 300 THEN '300' WHEN t_s <= 3600 THEN '3600'
            WHEN t_s <= 86400 THEN '86400' WHEN t_s <= 604800 THEN '604800' WHEN t_s <= 2592000 THEN '2592000'
            ELSE 'none' END AS by_s, count(*) AS leads
FROM counted WHERE observed_s >= 2592000 GROUP BY 1 ORDER BY 1""",
    "ends": f"""\
-- M9: how waits ended. Cumulative incidences need Aalen–Johansen, which docs/measuring.md spells out.
{_COUNTED}
SELECT CASE WHEN answered THEN response_kind
            WHEN closed_after_s IS NOT NULL AND closed_after_s <= observed_s THEN 'closed' ELSE 'waiting' END AS ended,
       count(*) AS leads
FROM counted GROUP BY 1 ORDER BY 1""",
    "cells": f"""\
-- Category × region: leads behind the curve, and how many were answered. No cell is small; none was left out.
{_COUNTED}
SELECT category, region, count(*) AS leads, sum(CASE WHEN answered THEN 1 ELSE 0 END) AS answered
FROM counted GROUP BY category, region ORDER BY category, region""",
    "vendors": f"""\
-- M10 and the funnel plot: of each vendor's leads that were watched for 30 days, those answered within them.
{_COUNTED}
SELECT vendor_id, count(*) AS asked, sum(CASE WHEN answered AND t_s <= 2592000 THEN 1 ELSE 0 END) AS answered
FROM counted WHERE observed_s >= 2592000 GROUP BY vendor_id ORDER BY vendor_id""",
    "arms": f"""\
-- M12: wants and leads in each arm, and leads answered; wants, not leads, are what was dealt.
{_COUNTED}
SELECT arm, count(DISTINCT intent_id) AS wants, count(*) AS leads, sum(CASE WHEN answered THEN 1 ELSE 0 END) AS answered
FROM counted WHERE coalesce(arm, '') <> '' GROUP BY arm ORDER BY arm""",
    "quality": """\
-- What is in no denominator, and why.
SELECT CASE WHEN coalesce(excluded_reason, '') <> '' THEN excluded_reason ELSE delivery_status END AS reason,
       count(*) AS leads
FROM leads WHERE delivery_status <> 'delivered' OR coalesce(excluded_reason, '') <> '' GROUP BY 1 ORDER BY 1""",
}
