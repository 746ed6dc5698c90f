"""
The shapes of keys and tokens that vendors give out: one table, for finding what must not be sent and for masking.

Each begins with letters of its own, so that text without them is passed over quickly. Sources: the vendors' pages on
secret scanning, and the public rule sets of gitleaks (MIT) and of GitHub's list of supported secrets.
"""

from __future__ import annotations

from typing import NamedTuple


class KeyShape(NamedTuple):
    """
    A key by its prefix and at least `least` characters of `body`, a pattern of one character.

    Where it is only shown, a part of it is masked too: `masked` characters are enough. With `digit` one is among the
    first 64.
    """

    prefix: str
    body: str
    least: int
    masked: int = 8
    digit: bool = False


_WORD, _ALNUM, _NAME, _HEX, _DOTTED = "[A-Za-z0-9_-]", "[A-Za-z0-9]", "[A-Za-z0-9_]", "[0-9a-f]", "[A-Za-z0-9_.-]"

MODEL_VENDORS = (
    # OpenAI, Anthropic, OpenRouter, DeepSeek, LiteLLM and most who copy them, then those with their own.
    KeyShape("sk-", _WORD, 20, digit=True),
    KeyShape("rk-", _WORD, 32, digit=True),
    KeyShape("pk-", _WORD, 32, digit=True),
    KeyShape("gsk_", _ALNUM, 32),
    KeyShape("xai-", _ALNUM, 32),
    KeyShape("pplx-", _ALNUM, 32),
    KeyShape("csk-", _ALNUM, 32),
    KeyShape("nvapi-", _WORD, 40),
    KeyShape("tgp_v1_", _WORD, 30),
    KeyShape("AIza", _WORD, 35),
    KeyShape(r"AQ\.Ab", _WORD, 30, 30),
    KeyShape(r"ya29\.", _WORD, 30),
    KeyShape("hf_", _ALNUM, 30),
    KeyShape("r8_", _ALNUM, 32, 32),
    KeyShape("fw_", _ALNUM, 22, 22),
    KeyShape("key_", _HEX, 64, 32),
    KeyShape("crsr_", _ALNUM, 32),
    KeyShape("lsv2_pt_", _WORD, 32),
    KeyShape("lsv2_sk_", _WORD, 32),
    KeyShape("sk_", _HEX, 40, 40),
    KeyShape("pcsk_", _NAME, 40),
    KeyShape("tvly-", _WORD, 20),
    KeyShape("jina_", _ALNUM, 40),
    KeyShape("ABSK", "[A-Za-z0-9+/]", 100, 32),
)

CLOUDS = (
    KeyShape("AKIA", "[A-Z0-9]", 16),
    KeyShape("ASIA", "[A-Z0-9]", 16),
    KeyShape("LTAI", _ALNUM, 12, 12, digit=True),
    KeyShape("AKID", _ALNUM, 32, 32),
    KeyShape("GOCSPX-", _WORD, 20),
    KeyShape("1//0", _WORD, 30, 30),
    KeyShape("dop_v1_", _HEX, 40),
    KeyShape("doo_v1_", _HEX, 40),
    KeyShape("dor_v1_", _HEX, 40),
    KeyShape("HRKU-", _WORD, 30),
    KeyShape("AccountKey=", "[A-Za-z0-9+/]", 40, 40),
    KeyShape("SharedAccessKey=", "[A-Za-z0-9+/]", 40, 40),
    KeyShape("X-Amz-Signature=", _HEX, 64, 64),
    KeyShape("sha256~", _WORD, 40, 40),
    KeyShape("nfp_", _ALNUM, 36, 36),
    KeyShape("fo1_", _WORD, 36, 36),
    *(KeyShape(prefix, "[A-Za-z0-9+/=,_]", 60, 36) for prefix in ("fm1a_", "fm1r_", "fm2_")),
    KeyShape(r"dp\.pt\.", _ALNUM, 40, 40),
    KeyShape(r"dp\.st\.", _DOTTED, 40, 40),
    KeyShape(r"dp\.ct\.", _ALNUM, 40, 40),
    KeyShape(r"hvs\.", _WORD, 24, 24),
    KeyShape(r"hvb\.", _WORD, 24, 24),
    KeyShape("tskey-", _WORD, 20, 20, digit=True),
    KeyShape("pul-", _HEX, 40, 40),
    KeyShape("AGE-SECRET-KEY-1", "[A-Z0-9]", 50),
    KeyShape("pscale_tkn_", _DOTTED, 30),
    KeyShape("pscale_pw_", _DOTTED, 30),
    KeyShape("sb_secret_", _WORD, 20),
    KeyShape("sbp_", _HEX, 40, 40),
    KeyShape("dapi", _HEX, 32, 32),
)

FORGES = (
    KeyShape("ghp_", _ALNUM, 30),
    KeyShape("gho_", _ALNUM, 30),
    KeyShape("ghu_", _ALNUM, 30),
    KeyShape("ghs_", _ALNUM, 30),
    KeyShape("ghr_", _ALNUM, 30),
    KeyShape("github_pat_", _NAME, 30),
    KeyShape("glpat-", _WORD, 20),
    KeyShape("glrt-", _WORD, 20),
    KeyShape("gldt-", _WORD, 20),
    KeyShape("glptt-", _WORD, 20),
    KeyShape("glcbt-", _WORD, 20),
    KeyShape("glsoat-", _WORD, 20),
    KeyShape("ATATT3", "[A-Za-z0-9_=-]", 60, 16),
    KeyShape("ATBB", _ALNUM, 32, 32),
    KeyShape("CCIPAT_", _NAME, 30),
    KeyShape("bkua_", _HEX, 40, 40),
    KeyShape("dckr_pat_", _WORD, 20),
    KeyShape("dckr_oat_", _WORD, 20),
    KeyShape("npm_", _ALNUM, 36),
    KeyShape("pypi-", _WORD, 50),
    KeyShape("rubygems_", _HEX, 48, 48),
    KeyShape("oy2", "[a-z0-9]", 43, 43),
    KeyShape("AKCp", _ALNUM, 60, 60),
)

SERVICES = (
    KeyShape("sk_live_", _ALNUM, 20),
    KeyShape("sk_test_", _ALNUM, 20),
    KeyShape("rk_live_", _ALNUM, 20),
    KeyShape("rk_test_", _ALNUM, 20),
    KeyShape("whsec_", "[A-Za-z0-9+/]", 24, 24),
    KeyShape("rzp_live_", _ALNUM, 14),
    KeyShape("sq0atp-", _WORD, 22),
    KeyShape("sq0csp-", _WORD, 40),
    KeyShape("EAAA", _WORD, 60, 60),
    KeyShape("shpat_", "[0-9a-fA-F]", 32),
    KeyShape("shpca_", "[0-9a-fA-F]", 32),
    KeyShape("shppa_", "[0-9a-fA-F]", 32),
    KeyShape("shpss_", "[0-9a-fA-F]", 32),
    *(KeyShape(f"xox{letter}-", _WORD, 10) for letter in "abcdeprs"),
    KeyShape(r"xoxe\.xox", _WORD, 20, 20),
    KeyShape("xapp-", _WORD, 20),
    KeyShape(r"hooks\.slack\.com/services/", "[A-Za-z0-9/]", 20, 20),
    KeyShape(r"hooks\.slack\.com/workflows/", "[A-Za-z0-9/]", 20, 20),
    KeyShape("/api/webhooks/", "[A-Za-z0-9_/-]", 60, 60),
    KeyShape(r"SG\.", _DOTTED, 40, 32),
    KeyShape("xkeysib-", _WORD, 64),
    KeyShape("key-", _HEX, 32, 32),
    KeyShape("SK", _HEX, 32, 32),
    KeyShape("re_", _NAME, 32, 32, digit=True),
    KeyShape("glsa_", _NAME, 32),
    KeyShape("glc_ey", "[A-Za-z0-9+/=]", 40, 16),
    KeyShape("NRAK-", "[A-Z0-9]", 20),
    KeyShape("sntrys_", "[A-Za-z0-9+/=_]", 40, 16),
    KeyShape("sntryu_", _HEX, 40),
    KeyShape("PMAK-", _WORD, 40),
    KeyShape("figd_", _WORD, 30),
    KeyShape("ntn_", _ALNUM, 40, 40),
    KeyShape("lin_api_", _ALNUM, 30),
    KeyShape("CFPAT-", _WORD, 40),
    KeyShape(r"dt0c01\.", r"[A-Z0-9.]", 60, 60),
    KeyShape("ops_ey", _WORD, 60),
)

KEYS = (*MODEL_VENDORS, *CLOUDS, *FORGES, *SERVICES)
