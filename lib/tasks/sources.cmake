# SPDX-License-Identifier: Apache-2.0
sy_library(scores
           SOURCES lib/tasks/answers.cpp lib/tasks/json_lines.cpp
                   lib/tasks/scores/averages.cpp lib/tasks/scores/bleu.cpp lib/tasks/scores/bleu_tokens.cpp
                   lib/tasks/scores/classes.cpp lib/tasks/scores/correlation.cpp lib/tasks/scores/exact.cpp
                   lib/tasks/scores/multirc.cpp lib/tasks/scores/question_answering.cpp lib/tasks/scores/rouge.cpp
                   lib/tasks/scores/scores.cpp lib/tasks/scores/unicode.cpp lib/tasks/scores/wsc.cpp
           LINK sy_data sy_base
           PRIVATE_LINK sy::simdjson sy::utf8proc)
