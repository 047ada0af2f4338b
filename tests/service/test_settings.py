"""Settings: what a user mistypes is said and not ignored."""

import os
from pathlib import Path

import pytest

from service.errors import SettingsError
from service.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("SACLIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)  # no .env here


def test_nothing_needs_to_be_set() -> None:
    """The embedded bundle, a local address, a folder of the user's."""
    settings = load_settings()

    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.bundle.parts[-3:] == ("service", "bundles", "nano")
    assert settings.max_image_bytes == 20 * 1024**2


def test_the_command_line_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what it leaves out does not."""
    monkeypatch.setenv("SACLIP_PORT", "9000")
    monkeypatch.setenv("SACLIP_HOST", "0.0.0.0")  # noqa: S104 - only read back

    settings = load_settings(port=9001, host=None)

    assert (settings.host, settings.port) == ("0.0.0.0", 9001)  # noqa: S104


def test_sizes_have_units(monkeypatch: pytest.MonkeyPatch) -> None:
    """As people write them."""
    monkeypatch.setenv("SACLIP_MAX_IMAGE_BYTES", "8MiB")

    assert load_settings().max_image_bytes == 8 * 1024**2


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("SACLIP_PROT", "SACLIP_PROT is not a setting of this service; did you mean SACLIP_PORT?"),
        ("SACLIP_XYZZY", "SACLIP_XYZZY is not a setting of this service"),
    ],
)
def test_a_misspelt_variable_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, message: str
) -> None:
    """The nearest name is suggested where there is one."""
    monkeypatch.setenv(name, "1")

    with pytest.raises(SettingsError) as refused:
        load_settings()

    assert str(refused.value) == message


def test_the_folder_of_the_test_footage_is_no_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests and commands read it."""
    monkeypatch.setenv("SACLIP_TEST_DATA", "/data")

    load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SACLIP_PORT", "70000"),
        ("SACLIP_PORT", "http"),
        ("SACLIP_MAX_IMAGE_BYTES", "0"),
        ("SACLIP_SAMPLE_FPS", "nan"),
        ("SACLIP_LOG_FORMAT", "xml"),
        ("SACLIP_MAX_CONCURRENCY", "0"),
    ],
)
def test_an_impossible_value_is_one_line_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """So that it can be mended without reading code."""
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError) as refused:
        load_settings()

    assert str(refused.value).startswith(f"{name}: ")
    assert "\n" not in str(refused.value)


def test_an_unknown_key_of_the_env_file_is_refused(tmp_path: Path) -> None:
    """`.env` is read with the same care."""
    (tmp_path / ".env").write_text("SACLIP_PROT=1\n", encoding="utf-8")

    with pytest.raises(SettingsError, match="SACLIP_PROT"):
        load_settings()


def test_every_setting_says_what_it_is() -> None:
    """The table of the README is made of these."""
    undescribed = [name for name, field in Settings.model_fields.items() if not field.description]

    assert undescribed == []
