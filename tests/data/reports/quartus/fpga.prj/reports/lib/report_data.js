var loopsJSON={"columns":["","Pipelined","II","Bottleneck","Details"],"children":[]};var areaJSON={
  "columns":["", "ALUTs", "FFs", "RAMs", "DSPs", "MLABs", "Details"]
  , "debug_enabled":1
  , "total_percent":
  [1.2, 0.6, 0.7, 0.1, 1.4]
  , "total":
  [5400, 7312, 3, 64, 11]
  , "name":"Kernel System"
  , "max_resources":
  [974400, 1948800, 7110, 4510, 0]
  , "children":
  []
};
var fileJSON=[{"index":0, "path":"src/top.cpp", "name":"top.cpp", "content":"// it\'s text: var areaJSON={\n"}];
