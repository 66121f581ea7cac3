// Attributes of the descriptions that cublaslt.h keeps: each file of one overloads find().
#pragma once

#include <cstring>

#include "tests/hostcuda/cublaslt/cublaslt.h"
#include "tests/hostcuda/device/report.h"

namespace sy::hostcuda {

// An attribute's place in a description; null for those that are not kept here.
struct Field {
  void* place = nullptr;
  size_t bytes = 0;
};

template <class T>
Field field(T& value) {
  return {&value, sizeof(value)};
}

Field find(MatrixLayout& layout, cublasLtMatrixLayoutAttribute_t attribute);
Field find(MatmulDesc& desc, cublasLtMatmulDescAttributes_t attribute);
Field find(MatmulPreference& preference, cublasLtMatmulPreferenceAttributes_t attribute);

template <class Kept, class Opaque, class Attribute>
Field find_kept(Opaque* opaque, Attribute attribute, const char* call) {
  const Field found = find(*static_cast<Kept*>(opaque), attribute);
  if (found.place == nullptr) {
    (Message() << call << ": attribute " << static_cast<unsigned long long>(attribute)
               << " is not executed on the host")
        .die();
  }
  return found;
}

template <class Kept, class Opaque, class Attribute>
cublasStatus_t set(Opaque* opaque, Attribute attribute, const void* from, size_t bytes,
                   const char* call) {
  if (opaque == nullptr || from == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  const Field to = find_kept<Kept>(opaque, attribute, call);
  if (bytes != to.bytes) return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(to.place, from, bytes);
  return CUBLAS_STATUS_SUCCESS;
}

template <class Kept, class Opaque, class Attribute>
cublasStatus_t get(Opaque* opaque, Attribute attribute, void* to, size_t bytes, size_t* written,
                   const char* call) {
  if (opaque == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  const Field from = find_kept<Kept>(opaque, attribute, call);
  const bool asks_size = bytes == 0;
  if (asks_size ? written == nullptr : to == nullptr || bytes != from.bytes) {
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  if (!asks_size) std::memcpy(to, from.place, bytes);
  if (written != nullptr) *written = from.bytes;
  return CUBLAS_STATUS_SUCCESS;
}

template <class Kept, class Opaque>
cublasStatus_t destroy(Opaque* opaque) {
  delete static_cast<Kept*>(opaque);
  return CUBLAS_STATUS_SUCCESS;
}

}  // namespace sy::hostcuda
