#include "kernels/adafactor.h"
