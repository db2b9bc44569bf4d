from tests.sql.data_model import DOCUMENT, document


def test_the_document_is_that_of_the_schema():
    assert DOCUMENT.read_text() == document(), "run `python -m tests.sql.data_model`"
