# SPDX-License-Identifier: Apache-2.0
# cmake -D CONSTANT=NAME -D FILE=TEXT -D HEADER=FILE -P embed_text.cmake: the header defines sy::report::NAME, a string
# literal with the text of FILE.
file(READ ${FILE} text)
file(WRITE ${HEADER} "#pragma once\nnamespace sy::report {\ninline constexpr char ${CONSTANT}[] = R\"embedded(${text})embedded\";\n}\n")
