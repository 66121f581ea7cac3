# SPDX-License-Identifier: Apache-2.0
# The studies' tools (studies/): verdicts on curves made by hand, the runs of a study, pages beside their results, and a
# small study with the real program.
add_test(NAME studies.verdicts COMMAND python3 ${PROJECT_SOURCE_DIR}/tests/studies/verdicts_test.py)
add_test(NAME studies.runs COMMAND python3 ${PROJECT_SOURCE_DIR}/tests/studies/runs_test.py)
add_test(NAME studies.by_corpus COMMAND python3 ${PROJECT_SOURCE_DIR}/tests/studies/by_corpus_test.py)
add_test(NAME studies.documents COMMAND python3 ${PROJECT_SOURCE_DIR}/tests/studies/document_test.py)
add_test(NAME studies.study COMMAND ${PROJECT_SOURCE_DIR}/tests/studies/study.sh $<TARGET_FILE:switchyard>)
set_tests_properties(studies.runs PROPERTIES SKIP_RETURN_CODE 77)
set_tests_properties(studies.study PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77 PROCESSORS 2)
