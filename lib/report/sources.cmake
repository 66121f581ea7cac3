# SPDX-License-Identifier: Apache-2.0
# The page's style and script become text of the program: lib/report/NAME_EXTENSION.h in the build's folder.
function(sy_embed_text constant file header)
  add_custom_command(OUTPUT ${PROJECT_BINARY_DIR}/${header}
                     COMMAND ${CMAKE_COMMAND} -D CONSTANT=${constant} -D FILE=${PROJECT_SOURCE_DIR}/${file}
                             -D HEADER=${PROJECT_BINARY_DIR}/${header} -P ${PROJECT_SOURCE_DIR}/cmake/embed_text.cmake
                     DEPENDS ${file} cmake/embed_text.cmake VERBATIM)
endfunction()
sy_embed_text(kStyle lib/report/style.css lib/report/style_css.h)
sy_embed_text(kScript lib/report/script.js lib/report/script_js.h)

sy_library(report
           SOURCES lib/report/chart.cpp lib/report/heat_map.cpp lib/report/html.cpp lib/report/metrics_file.cpp
                   lib/report/page.cpp lib/report/router_history.cpp lib/report/run_charts.cpp lib/report/run_data.cpp
                   lib/report/run_tables.cpp lib/report/scale.cpp lib/report/series.cpp
                   ${PROJECT_BINARY_DIR}/lib/report/style_css.h ${PROJECT_BINARY_DIR}/lib/report/script_js.h
           LINK sy_config sy_checkpoint
           PRIVATE_LINK sy::simdjson)
